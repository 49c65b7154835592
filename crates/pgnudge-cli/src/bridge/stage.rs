//! What the bridge is doing, as its parts see it.

use std::time::{Duration, Instant};

use pgnudge::{Error, Hub, Status};
use tokio::sync::watch;

/// The role of this bridge, now and from now on.
#[derive(Debug)]
pub(crate) struct Stage(watch::Sender<Role>);

/// What a bridge can be.
#[derive(Clone, Debug, Default)]
pub(crate) enum Role {
    /// Not known yet: the bridge connects to the server.
    #[default]
    Connecting,
    /// Not known: that server cannot be had. Why; it is tried again.
    BackingOff { error: Error, attempt: u32 },
    /// Waiting for the lock: another bridge is the active one, or was until now.
    Standby,
    /// This one is. Its feed may still be on the way.
    Active { status: watch::Receiver<Status>, term: Option<Term> },
}

/// The time from a feed's connection to the end of the role.
#[derive(Clone)]
pub(crate) struct Term {
    pub(crate) hub: Hub,
    /// Nothing is ever sent: it closes.
    over: watch::Receiver<()>,
    since: Instant,
}

/// Ends a term when it is dropped: whoever sits in the hub leaves.
#[derive(Debug)]
pub(crate) struct Tenure<'a> {
    stage: &'a Stage,
    over: watch::Sender<()>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Role::default()))
    }

    pub(crate) fn role(&self) -> Role {
        self.0.borrow().clone()
    }

    /// This is not the active bridge, or it is not known.
    pub(crate) fn is(&self, role: Role) {
        self.0.send_replace(role);
    }

    /// Told each role, now and from now on.
    pub(crate) fn roles(&self) -> watch::Receiver<Role> {
        self.0.subscribe()
    }

    /// This is the active bridge until the tenure ends.
    pub(crate) fn begin(&self, status: watch::Receiver<Status>) -> Tenure<'_> {
        self.0.send_replace(Role::Active { status, term: None });
        Tenure { stage: self, over: watch::Sender::new(()) }
    }

    /// The hub, while there is one.
    pub(crate) fn term(&self) -> Option<Term> {
        match self.role() {
            Role::Active { term, .. } => term,
            Role::Connecting | Role::BackingOff { .. } | Role::Standby => None,
        }
    }
}

impl Role {
    /// One word for it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::BackingOff { .. } => "backing_off",
            Self::Standby => "standby",
            Self::Active { status, .. } => status.borrow().as_str(),
        }
    }
}

impl Tenure<'_> {
    /// The feed is there.
    pub(crate) fn open(&self, hub: &Hub) {
        let term = Term { hub: hub.clone(), over: self.over.subscribe(), since: Instant::now() };
        self.stage.0.send_modify(|role| {
            if let Role::Active { term: place, .. } = role {
                *place = Some(term);
            }
        });
    }
}

/// The feed is closed at once, though clients that do not read may keep their seats for long.
impl Drop for Tenure<'_> {
    fn drop(&mut self) {
        if let Role::Active { term: Some(term), .. } = self.stage.0.send_replace(Role::Connecting) {
            term.hub.close();
        }
    }
}

impl Term {
    /// Waits for its end.
    pub(crate) async fn over(&mut self) {
        while self.over.changed().await.is_ok() {}
    }

    /// How long it has lasted.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }
}

impl std::fmt::Debug for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Term").field("age", &self.age()).finish_non_exhaustive()
    }
}
