//! What the feed is doing right now.

use std::fmt;
use std::time::Duration;

use nudge_decode::Plugin;
use nudge_proto::SlotName;
use tokio::sync::watch;

use crate::Error;
use crate::runtime::meter::Meter;

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
        /// One of those for whom it waits, once that is known: asked once, half a second into the wait.
        blocker: Option<Blocker>,
    },
    /// Live.
    Streaming {
        /// The temporary slot, as in `pg_replication_slots`.
        slot: SlotName,
        /// The server process that streams.
        backend_pid: i32,
        /// The plugin that decodes.
        plugin: Plugin,
        /// Why items are not checked for visibility (rule R13), if they should be and cannot: the
        /// second session is lost. They go out a second late, and perhaps too early.
        unchecked: Option<Error>,
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
    /// The feed is gone: dropped, or its hub closed. No other state follows.
    Closed,
}

impl Status {
    /// The state in one word: one of [`NAMES`](Self::NAMES).
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connecting { .. } => "connecting",
            Self::WaitingForSlot { .. } => "waiting_for_slot",
            Self::Streaming { .. } => "streaming",
            Self::BackingOff { .. } => "backing_off",
            Self::Closed => "closed",
        }
    }

    /// The words that there are for states.
    pub const NAMES: [&str; 5] = ["connecting", "waiting_for_slot", "streaming", "backing_off", "closed"];

    /// Tells everybody who looks.
    pub(crate) fn announce(self, to: &watch::Sender<Self>, meter: &Meter) {
        meter.state(&self);
        to.send_replace(self);
    }
}

/// A transaction that delays a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// Its server process; 0 for a prepared transaction.
    pub pid: i32,
    /// What it calls itself.
    pub application_name: String,
    /// How long the transaction has been open, if the role may know.
    pub age: Option<Duration>,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            0 => f.write_str("a prepared transaction")?,
            pid => write!(f, "process {pid} ({:?})", self.application_name)?,
        }
        self.age.map_or(Ok(()), |age| write!(f, ", whose transaction has been open for {} s", age.as_secs()))
    }
}
