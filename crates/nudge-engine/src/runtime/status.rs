//! What the feed is doing right now.

use std::time::Duration;

use nudge_decode::Plugin;
use nudge_proto::SlotName;

use crate::Error;

/// The state of a feed's connection, for operators. Items need none of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Status {
    /// Opening a connection and logging in.
    Connecting {
        /// Failures in a row before this attempt.
        attempt: u32,
    },
    /// Logged in, and waiting until the server has made the slot. It waits for every transaction that
    /// was writing when it was asked.
    WaitingForSlot {
        /// The server process that waits, as in `pg_stat_activity`.
        backend_pid: i32,
    },
    /// Live.
    Streaming {
        /// The temporary slot, as in `pg_replication_slots`.
        slot: SlotName,
        /// The server process that streams.
        backend_pid: i32,
        /// The plugin that decodes.
        plugin: Plugin,
    },
    /// The last attempt failed; the next one follows.
    BackingOff {
        /// Why.
        error: Error,
        /// How long the pause is.
        delay: Duration,
        /// Failures in a row, this one included.
        attempt: u32,
    },
}
