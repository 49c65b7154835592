//! The server that a stream comes from, as the consumer's side knows it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::policy::Unseen;
use crate::policy::server_view::ServerView;
use crate::runtime::Route;
use crate::runtime::side_session::SideSession;

/// One stream's.
pub(crate) struct Source {
    /// How the server was reached, for questions beside the stream.
    pub(crate) route: Arc<dyn Route>,
    /// What it looked like before the slot was made.
    pub(crate) before: ServerView,
    /// Transactions that may have committed before the stream and could not be seen yet when it began: a commit
    /// waits for its standby. When they are seen, everything is reloaded once more.
    pub(crate) lingering: Unseen,
    /// Whether tables above others matter (knob `partition_root`).
    pub(crate) partition_root: bool,
    /// Whether the server applies the table filter.
    pub(crate) filtered: bool,
    /// The second session, opened as the stream begins, until the consumer's side takes it.
    pub(crate) side: Mutex<Option<SideSession>>,
}

impl Source {
    /// The session that was opened with the stream. There is one.
    pub(crate) fn take_side(&self) -> Option<SideSession> {
        self.side.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
