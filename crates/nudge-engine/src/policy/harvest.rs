//! What one read of the socket brought.

use std::time::{Instant, SystemTime};

use nudge_decode::Identity;
use nudge_proto::Lsn;

use crate::policy::{Coalescer, Unseen};
use crate::{Event, Reason, TableName};

/// What one read of the socket brought. The reader fills it change by change without a lock, and hands
/// it to the [`Window`](crate::policy::Window) once.
#[derive(Clone, Debug, Default)]
pub struct Harvest {
    pub(super) tables: Coalescer,
    /// Whether one of them passes the filter under its own name.
    pub(super) certain: bool,
    pub(super) resync: Option<Reason>,
    pub(super) lsn: Lsn,
    /// When the last of it arrived, if not when it was read.
    pub(super) arrived: Option<Instant>,
    pub(super) transaction: Transaction,
    /// The transactions with changes, and whether one has committed.
    pub(super) unseen: Unseen,
    pub(super) committed: bool,
    /// Whether a transaction without changes has committed.
    pub(super) empty: bool,
    /// Whether a new stream has begun.
    pub(super) restarted: bool,
}

/// Where the stream stands between Begin and Commit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Transaction {
    #[default]
    None,
    /// Begun, and none of its changes mattered yet. The server tells the lower half of its id.
    Begun(Option<u32>),
    /// Some of its changes are in the window: it should not close before the commit.
    Changed(Option<u32>),
}

impl Harvest {
    /// A transaction begins.
    pub fn begin(&mut self, xid: Option<u32>) {
        self.transaction = Transaction::Begun(xid);
    }

    /// A table changed, or a row of it.
    pub fn change(&mut self, identity: &Identity<'_>, now: SystemTime) {
        self.suspect(identity, now);
        self.certain = true;
    }

    /// A table (or a row of it) changed that does not matter, unless it turns out to be a partition of one
    /// that does. It cannot keep a window open that others have opened.
    pub fn suspect(&mut self, identity: &Identity<'_>, now: SystemTime) {
        self.tables.add(identity, now);
        self.mark();
    }

    /// The same of a table whose name is known already. `certain`: it passes the filter under it. The
    /// place is for [`again`](Self::again), until this is handed over.
    pub fn change_known(&mut self, table: &TableName, certain: bool, now: SystemTime) -> usize {
        self.certain |= certain;
        self.mark();
        self.tables.add_table(table, now)
    }

    /// One more change of the table at that place, that passes the filter as the last one did.
    #[inline]
    pub fn again(&mut self, place: usize) {
        self.mark();
        self.tables.add_at(place);
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

    /// The transaction is complete. One that changed nothing may have been DDL, which is not decoded:
    /// tables may have become partitions.
    pub fn commit(&mut self) {
        match std::mem::take(&mut self.transaction) {
            Transaction::Changed(xid) => {
                xid.into_iter().for_each(|xid| self.unseen.add(xid));
                self.committed = true;
            }
            Transaction::Begun(_) => self.empty = true,
            Transaction::None => {}
        }
    }

    /// What has come of the transaction may be all of it, or more may follow: nobody will tell.
    #[inline(never)] // Rare, in the midst of what is not.
    pub fn leave(&mut self) {
        if let Transaction::Changed(xid) = std::mem::take(&mut self.transaction) {
            xid.into_iter().for_each(|xid| self.unseen.add(xid));
            self.unseen.set_unfinished();
            self.committed = true;
        }
    }

    /// Whether a transaction of this read may have been DDL.
    pub fn may_have_changed_the_catalog(&self) -> bool {
        self.empty
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

    fn mark(&mut self) {
        if let Transaction::Begun(xid) = self.transaction {
            self.transaction = Transaction::Changed(xid);
        }
    }

    pub(super) fn has_news(&self) -> bool {
        self.resync.is_some() || !self.tables.is_empty()
    }
}
