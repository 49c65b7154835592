//! What is out of the window and not delivered yet.

use std::collections::BTreeMap;

use nudge_proto::Lsn;

use crate::policy::{Pending, Unreadable, Unseen};
use crate::{FeedItem, Reason, TableName};

/// What one or more windows hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// What is to be delivered.
    pub pending: Pending,
    /// The transactions that it stands for, as far as they are not known to be visible.
    pub unseen: Unseen,
    /// A position at or after every change in it.
    pub lsn: Lsn,
    /// A stream begins with it: nothing goes out before.
    pub opening: bool,
    /// It went out without an answer, and goes out again when an answer has seen it.
    pub again: bool,
    /// A failsafe Resync is due as well.
    pub failsafe: bool,
    /// The messages that made it a Resync.
    pub unreadable: Unreadable,
}

impl Held {
    /// Joins in what came out later. More than `max` tables or rows are a Resync.
    pub fn join(&mut self, mut later: Self, max: usize) {
        self.pending.join(later.pending, max);
        self.unseen.absorb(&mut later.unseen);
        self.lsn = self.lsn.max(later.lsn);
        self.opening |= later.opening;
        self.again |= later.again;
        self.failsafe |= later.failsafe;
        self.unreadable.absorb(&mut later.unreadable);
    }

    /// Whether nothing is to be delivered.
    pub fn is_empty(&self) -> bool {
        self.pending == Pending::Empty && !self.failsafe
    }

    /// See [`Pending::tables`].
    pub fn tables(&self) -> BTreeMap<TableName, Lsn> {
        self.pending.tables()
    }

    /// It becomes a Resync.
    pub fn widen(&mut self, reason: Reason) {
        self.pending.join_resync(reason);
    }

    /// The item.
    pub fn into_item(mut self) -> Option<FeedItem> {
        if self.failsafe {
            self.widen(Reason::Failsafe);
        }
        let lsn = self.lsn;
        match self.pending {
            Pending::Empty => None,
            Pending::Tables(tables) => Some(FeedItem::Batch { events: tables.into_events(), lsn }),
            Pending::Resync(reason) => Some(FeedItem::Resync { reason, lsn }),
        }
    }
}
