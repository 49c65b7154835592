//! The server that a stream comes from, as the consumer's side knows it.

use crate::policy::Unseen;
use crate::policy::server_view::ServerView;
use crate::runtime::side_session::SideSession;

/// One stream's.
pub(crate) struct Source {
    /// What it looked like before the slot was made.
    pub(crate) before: ServerView,
    /// Transactions that may have committed before the stream and could not be seen yet when it began: a commit
    /// waits for its standby. When they are seen, everything is reloaded once more.
    pub(crate) lingering: Unseen,
    /// Whether tables above others matter (knob `partition_root`).
    pub(crate) partition_root: bool,
    /// Whether the server applies the table filter.
    pub(crate) filtered: bool,
    /// Questions beside the stream.
    pub(crate) side: SideSession,
}
