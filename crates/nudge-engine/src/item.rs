//! What a consumer gets.

use std::borrow::Cow;
use std::time::SystemTime;

use nudge_proto::Lsn;

use crate::named::named;
use crate::policy::truncations::Shared;
use crate::{Key, TableName};

/// One of two things: reload everything, or these tables (with the payload `pk`: rows) changed.
///
/// Exactly two variants for ever; a consumer that handles both handles all.
///
/// # JSON
///
/// The feature `serde` writes an item as `pgnudge watch --output json` prints it, and reads what that prints. (The
/// command line also escapes characters that a reader cannot see. They mean the same to a parser.)
///
/// ```json
/// {"type":"resync","reason":"connected","lsn":"16/B374D848"}
/// {"type":"batch","lsn":"16/B374D8F0","events":[{"payload":"public.orders:42","schema":"public","table":"orders","count":3,"first_seen":"2026-11-22T10:00:00.123456Z","pk":[{"name":"id","value":42}]}]}
/// ```
///
/// - What is read is equal to what was written, but for `first_seen`: it has microseconds of the years 1970 to 9999.
///   What is finer is lost, and a time outside is the nearest one within.
/// - Fields that are not known are ignored, so that an older program reads a newer one's items. So is `payload`, which
///   is made of the others. `pk` is absent where there is no key.
/// - What breaks a rule of the types is an error: a batch without events; a name that is empty or has a zero byte in
///   it; a key without columns, or one that is [too long](Key::LONGEST); a value of a key that is no bool, number or
///   text.
/// - A key keeps all digits of its numbers, which takes `serde_json` itself. So a key in another format is an error, and
///   one that serde holds in between, as it does for `flatten` and for enums with `tag` or `untagged`. A
///   `serde_json::Value` in between makes floats of numbers that are no 64-bit integers.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl FeedItem {
    /// A position at or after every change that the item stands for.
    pub fn lsn(&self) -> Lsn {
        let (Self::Resync { lsn, .. } | Self::Batch { lsn, .. }) = self;
        *lsn
    }

    /// Whether everything is to be reloaded.
    pub fn is_resync(&self) -> bool {
        matches!(self, Self::Resync { .. })
    }

    /// What changed; nothing for a Resync, where everything may have.
    pub fn events(&self) -> &[Event] {
        match self {
            Self::Resync { .. } => &[],
            Self::Batch { events, .. } => events,
        }
    }

    /// What changed, to keep.
    pub fn into_events(self) -> Vec<Event> {
        match self {
            Self::Resync { .. } => Vec::new(),
            Self::Batch { events, .. } => events,
        }
    }
}

/// A table that changed; with the payload `pk`, a row where its key can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// The same of a row.
    #[must_use]
    pub fn with_key(self, key: Key) -> Self {
        Self { key: Some(key), ..self }
    }
}

/// Why everything has to be reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

named! {
    Reason:
    Connected = "connected",
    Reconnected = "reconnected",
    Overflow = "overflow",
    Failsafe = "failsafe",
    Undecodable = "undecodable",
}
