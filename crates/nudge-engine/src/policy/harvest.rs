//! What one read of the socket brought.

use std::time::{Instant, SystemTime};

use nudge_decode::{Identity, TableRef};
use nudge_proto::Lsn;

use crate::policy::{Coalescer, Seen, Unreadable, Unseen};
use crate::{Event, Reason, TableName};

/// What one read of the socket brought. The reader fills it change by change without a lock, and hands
/// it to the [`Window`](crate::policy::Window) once.
#[derive(Clone, Debug, Default)]
pub struct Harvest {
    pub(super) tables: Coalescer,
    /// Whether one of them passes the filter under its own name.
    pub(super) certain: bool,
    pub(super) resync: Option<Reason>,
    /// The messages that could not be understood.
    pub(super) unreadable: Unreadable,
    pub(super) lsn: Lsn,
    /// When the last of it arrived, if not when it was read.
    pub(super) arrived: Option<Instant>,
    pub(super) transaction: Option<Open>,
    /// The transactions with changes, and whether one has committed.
    pub(super) unseen: Unseen,
    pub(super) committed: bool,
    /// The transactions of which changes were dropped, and where the first of them began.
    pub(super) passed: Unseen,
    pub(super) passed_since: Option<Lsn>,
    /// The transactions without changes, which may have been DDL, and the ends of their commits.
    pub(super) empty: Vec<(u32, Lsn)>,
    /// Whether a new stream has begun.
    pub(super) restarted: bool,
}

/// A transaction between Begin and Commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Open {
    /// The lower half of its id, if the server has said it.
    xid: Option<u32>,
    /// The position at which it began.
    began: Lsn,
    /// Some of its changes are in the window: it should not close before the commit.
    changed: bool,
    /// Some of its changes were dropped.
    dropped: bool,
}

impl Harvest {
    /// A transaction begins at this position.
    pub fn begin(&mut self, xid: Option<u32>, began: Lsn) {
        self.transaction = Some(Open { xid, began, changed: false, dropped: false });
    }

    /// A table changed, or a row of it.
    pub fn change(&mut self, identity: &Identity<'_>, now: SystemTime) {
        self.suspect(identity, now);
        self.certain = true;
    }

    /// A table (or a row of it) changed that does not matter, unless it turns out to be a partition of one
    /// that does. It cannot keep a window open that others have opened.
    pub fn suspect(&mut self, identity: &Identity<'_>, now: SystemTime) {
        let began = self.mark();
        self.tables.add(identity, Seen { at: now, began });
    }

    /// The same of a table whose name is known already. `certain`: it passes the filter under it. The
    /// place is for [`again`](Self::again), until this is handed over.
    pub fn change_known(&mut self, table: &TableName, certain: bool, now: SystemTime) -> usize {
        self.certain |= certain;
        let began = self.mark();
        self.tables.add_table(table, Seen { at: now, began })
    }

    /// One more change of the table at that place, that passes the filter as the last one did.
    #[inline]
    pub fn again(&mut self, place: usize) {
        let began = self.mark();
        self.tables.add_at(place, began);
    }

    /// An application nudges a name.
    pub fn nudge(&mut self, table: TableRef<'_>, now: SystemTime) {
        let began = self.mark();
        self.tables.add_nudge(table, Seen { at: now, began });
        self.certain = true;
    }

    /// These tables, of which a change was counted each, were truncated by the statement at this position.
    pub fn truncated(&mut self, tables: &[Identity<'_>], at: Lsn) {
        self.tables.truncated(tables, at);
    }

    /// A table changed, as another feed has told it.
    pub fn event(&mut self, event: &Event) {
        self.tables.add_event(event);
        self.certain = true;
        self.mark();
    }

    /// A change is dropped: its table does not matter, as far as is known.
    pub fn dropped(&mut self) {
        if let Some(open) = &mut self.transaction {
            open.dropped = true;
        }
    }

    /// The transaction is complete; its commit ends at this position. One that changed nothing may have been
    /// DDL, which is not decoded.
    pub fn commit(&mut self, lsn: Lsn) {
        let Some(open) = self.transaction.take() else { return };
        self.close(open);
        if !open.changed && !open.dropped {
            self.empty.extend(open.xid.map(|xid| (xid, lsn)));
        }
    }

    /// What has come of the transaction may be all of it, or more may follow: the stream does not say.
    #[inline(never)] // Rare, in the midst of what is not.
    pub fn leave(&mut self) {
        let Some(open) = self.transaction.take() else { return };
        self.close(open);
        if open.changed {
            self.unseen.set_unfinished();
        }
    }

    fn close(&mut self, open: Open) {
        if open.changed {
            open.xid.into_iter().for_each(|xid| self.unseen.add(xid));
            self.committed = true;
        }
        if open.dropped {
            open.xid.into_iter().for_each(|xid| self.passed.add(xid));
            self.passed_since = earlier(self.passed_since, Some(open.began));
        }
    }

    /// Whether a transaction of this read may have been DDL.
    pub fn may_have_changed_the_catalog(&self) -> bool {
        !self.empty.is_empty()
    }

    /// The id of the transaction that goes on behind this read, if changes of it are in the window.
    pub(super) fn goes_on(&self) -> Option<Option<u32>> {
        self.transaction.filter(|open| open.changed).map(|open| open.xid)
    }

    /// How many changes it holds.
    pub fn changes(&self) -> u64 {
        self.tables.changes()
    }

    /// Everything may have changed. The first reason of a read is kept.
    pub fn resync(&mut self, reason: Reason) {
        self.resync.get_or_insert(reason);
        self.mark();
    }

    /// A message could not be understood. It may have been any change of any table (rule R7).
    pub fn unreadable(&mut self, why: impl FnOnce() -> String) {
        self.unreadable.add(why);
        self.resync(Reason::Undecodable);
    }

    /// The stream has come to this position.
    pub fn reach(&mut self, lsn: Lsn) {
        self.lsn = self.lsn.max(lsn);
    }

    /// The last of it arrived then, and was read later.
    pub fn arrived(&mut self, at: Instant) {
        self.arrived = Some(at);
    }

    /// The stream is a new one, perhaps of another server: positions and transactions of the old one
    /// mean nothing in it.
    pub fn restart(&mut self, reason: Reason) {
        *self = Self { resync: Some(reason), restarted: true, ..Self::default() };
    }

    /// The open transaction has a change in the window. Returns where it began, zero if nobody knows.
    #[inline]
    fn mark(&mut self) -> Lsn {
        self.transaction.as_mut().map_or(Lsn::ZERO, |open| {
            open.changed = true;
            open.began
        })
    }

    pub(super) fn has_news(&self) -> bool {
        self.resync.is_some() || !self.tables.is_empty()
    }
}

/// The earlier of two positions, as far as they are known.
#[inline]
pub(super) fn earlier(one: Option<Lsn>, other: Option<Lsn>) -> Option<Lsn> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
