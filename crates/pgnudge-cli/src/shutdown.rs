//! The end on request: SIGINT, SIGTERM.

use std::time::Duration;

use pgnudge::Status;
use tokio::sync::{oneshot, watch};

/// Resolves when somebody asks the program to end. From then on it has [`GRACE`] left: whatever still
/// blocks, such as a reader of stdout that has stopped reading, the process ends with status 0.
pub(crate) fn requested() -> std::io::Result<oneshot::Receiver<()>> {
    let (request, requested) = oneshot::channel();
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        let _ = request.send(());
        tokio::time::sleep(GRACE).await;
        std::process::exit(0);
    });
    Ok(requested)
}

/// Waits until a feed that was dropped has said its goodbyes.
pub(crate) async fn closed(mut status: watch::Receiver<Status>) {
    let goodbye = async { while status.changed().await.is_ok() {} };
    let _ = tokio::time::timeout(GRACE, goodbye).await;
}

/// Enough to tell the server that a slot is not wanted any more.
const GRACE: Duration = Duration::from_millis(700);

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
