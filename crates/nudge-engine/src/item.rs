//! What a consumer gets.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use nudge_proto::Lsn;

use crate::policy::truncations::Shared;
use crate::{Key, TableName};

/// One of two things: reload everything, or these tables (with the payload `pk`: rows) changed.
///
/// Exactly two variants for ever; a consumer that handles both handles all.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedItem {
    /// Reload everything. It is the first item, and it brackets every gap.
    Resync {
        /// Why.
        reason: Reason,
        /// A position at or after every change that the item stands for.
        lsn: Lsn,
    },
    /// One window's wakeups.
    Batch {
        /// One event per table (or row), in the order in which they were first seen. Never empty.
        events: Vec<Event>,
        /// A position at or after the commit of every change that the batch stands for. Who refetches
        /// from a replica waits until `pg_last_wal_replay_lsn()` has reached it.
        lsn: Lsn,
    },
}

/// A table that changed; with the payload `pk`, a row where its key can be told.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Which table.
    pub table: TableName,
    /// Which row of it, with the payload `pk`. `None` there means that any row may be meant: the table
    /// has no primary key, it was truncated, or the key could not be told.
    pub key: Option<Key>,
    /// When the first of the changes arrived, by this machine's clock.
    pub first_seen: SystemTime,
    /// How many rows changed. An UPDATE that changes a key counts 1 for the old key and 1 for the new one;
    /// one that moves a row to another partition is a DELETE and an INSERT in the log, and counts 2 for
    /// every table above both. A TRUNCATE counts 1 for each table that it truncates, and 1 for each table
    /// above one of them.
    pub count: u64,
    /// Which of these are in the counts of other events of the item too, until it goes out.
    pub(crate) shared: Shared,
}

impl Event {
    /// The payload text: `schema.table`, or `schema.table:key` with `,` between the values of several
    /// columns. Raw: it is for people, and for channels that carry text.
    pub fn payload(&self) -> Cow<'_, str> {
        match &self.key {
            None => self.table.as_str().into(),
            Some(key) => format!("{}:{key}", self.table).into(),
        }
    }

    /// An event of a table as a feed would tell it, for whoever tests what they do with one.
    pub fn new(table: TableName, first_seen: SystemTime, count: u64) -> Self {
        Self { table, key: None, first_seen, count, shared: Shared::default() }
    }
}

/// Why everything has to be reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The feed is live. What was before is not known.
    Connected,
    /// The connection was lost and is live again. What was in between is not known.
    Reconnected,
    /// More tables (or rows) changed in one window than `max_pending`.
    Overflow,
    /// The opt-in `failsafe` interval ran out.
    Failsafe,
    /// A message of the stream could not be understood.
    Undecodable,
}

impl Reason {
    /// The reason in lower case, as the command line prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Reconnected => "reconnected",
            Self::Overflow => "overflow",
            Self::Failsafe => "failsafe",
            Self::Undecodable => "undecodable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
