//! What a service manager is told: systemd's `sd_notify(3)`, for units of `Type=notify`.
//!
//! Without one (`NOTIFY_SOCKET` is not set) nothing happens.

use pgnudge::{Error, Printable, Status};
use tokio::sync::watch;

use crate::bridge::Role;

/// Follows a feed for as long as it lives: ready once it streams, and in words what it does.
pub(crate) fn follow(mut status: watch::Receiver<Status>) {
    if !is_there() {
        return;
    }
    tokio::spawn(async move { follow_to_the_end(&mut status).await });
}

/// Follows a bridge: ready once it streams, or once it waits for the lock, since more of a standby cannot be had.
pub(crate) fn follow_roles(mut roles: watch::Receiver<Role>) {
    if !is_there() {
        return;
    }
    tokio::spawn(async move {
        loop {
            let role = roles.borrow_and_update().clone();
            match role {
                Role::Connecting => tell("connecting", false),
                Role::BackingOff { error, attempt, .. } => tell(&failed(&error, attempt), false),
                Role::Standby => tell("on standby: waiting for the lock", true),
                Role::Active { mut status, .. } => {
                    tokio::select! {
                        () = follow_to_the_end(&mut status) => {}
                        _ = roles.changed() => roles.mark_changed(),
                    }
                }
            }
            if roles.changed().await.is_err() {
                return;
            }
        }
    });
}

fn is_there() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

async fn follow_to_the_end(status: &mut watch::Receiver<Status>) {
    loop {
        let (words, live) = {
            let status = status.borrow_and_update();
            (words(&status), matches!(*status, Status::Streaming { .. }))
        };
        tell(&words, live);
        if status.changed().await.is_err() {
            return;
        }
    }
}

fn failed(error: &Error, attempt: u32) -> String {
    Printable(format_args!("attempt {attempt} failed: {error}")).to_string()
}

/// What the connection does, as one line: `systemctl status` shows it, and so does a board. A line end would begin
/// another assignment (`MAINPID=`), so whatever the words quote is made printable.
pub(crate) fn words(status: &Status) -> String {
    let words = match status {
        Status::Connecting { .. } => "connecting".into(),
        Status::WaitingForSlot { blocker: Some(blocker), .. } => {
            format!("waiting for the slot, behind {blocker}")
        }
        Status::WaitingForSlot { .. } => "waiting for the slot".into(),
        Status::Streaming { plugin, .. } => format!("streaming with {}", plugin.name()),
        Status::BackingOff { error, attempt, .. } => failed(error, *attempt),
        Status::Closed => "closed".into(),
        _ => "running".into(),
    };
    Printable(words).to_string()
}

/// READY may be said again and again; systemd hears the first.
#[cfg(unix)]
fn tell(words: &str, live: bool) {
    use sd_notify::NotifyState;
    let ready = live.then_some(NotifyState::Ready);
    let states: Vec<_> = std::iter::once(NotifyState::Status(words)).chain(ready).collect();
    if let Err(error) = sd_notify::notify(&states) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

#[cfg(not(unix))]
fn tell(_words: &str, _live: bool) {}

/// The end has begun.
pub(crate) fn stopping() {
    #[cfg(unix)]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
}
