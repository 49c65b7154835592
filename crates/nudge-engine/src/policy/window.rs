//! The open window: what is pending, since when, and when it is due.

use std::time::{Duration, Instant, SystemTime};

use nudge_decode::TableRef;
use nudge_proto::Lsn;

use crate::policy::{Coalescer, Debouncer, Pending, Spell, Unseen};
use crate::{FeedItem, Reason};

/// What one read of the socket brought. The reader fills it change by change without a lock, and hands
/// it to the [`Window`] once.
#[derive(Clone, Debug, Default)]
pub struct Harvest {
    tables: Coalescer,
    resync: Option<Reason>,
    lsn: Lsn,
    transaction: Transaction,
    /// The transactions with changes, and whether one has committed.
    unseen: Unseen,
    committed: bool,
}

/// Where the stream stands between Begin and Commit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Transaction {
    #[default]
    None,
    /// Begun, and none of its changes mattered yet. The server tells the lower half of its id.
    Begun(Option<u32>),
    /// Some of its changes are in the window: it should not close before the commit.
    Changed,
}

impl Harvest {
    /// A transaction begins.
    pub fn begin(&mut self, xid: Option<u32>) {
        self.transaction = Transaction::Begun(xid);
    }

    /// A table changed.
    pub fn change(&mut self, table: &TableRef<'_>, now: SystemTime) {
        self.tables.add(table, now);
        self.mark();
    }

    /// The transaction is complete.
    pub fn commit(&mut self) {
        self.committed |= self.transaction == Transaction::Changed;
        self.transaction = Transaction::None;
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

    /// The stream is a new one: no transaction of the old one goes on.
    pub fn restart(&mut self) {
        self.transaction = Transaction::None;
    }

    fn mark(&mut self) {
        if let Transaction::Begun(xid) = self.transaction {
            xid.into_iter().for_each(|xid| self.unseen.add(xid));
            self.transaction = Transaction::Changed;
        }
    }

    fn has_news(&self) -> bool {
        self.resync.is_some() || !self.tables.is_empty()
    }
}

/// At most one pending item, and the rules by which it becomes due. All that reader and consumer share.
#[derive(Clone, Debug)]
pub struct Window {
    debouncer: Debouncer,
    max_pending: usize,
    failsafe: Option<Duration>,
    pending: Pending,
    /// `Some` exactly while something is pending.
    spell: Option<Spell>,
    unseen: Unseen,
    lsn: Lsn,
    /// When an item was last delivered.
    closed: Option<Instant>,
    /// When a Resync was last delivered.
    resynced: Option<Instant>,
}

impl Window {
    /// An empty window. `failsafe`: a Resync when none was delivered for that long.
    pub fn new(debouncer: Debouncer, max_pending: usize, failsafe: Option<Duration>) -> Self {
        Self {
            debouncer,
            max_pending,
            failsafe,
            pending: Pending::Empty,
            spell: None,
            unseen: Unseen::default(),
            lsn: Lsn::ZERO,
            closed: None,
            resynced: None,
        }
    }

    /// Takes in what a read brought, and leaves the harvest empty for the next one. Returns whether
    /// the window is due earlier than before: then the consumer has to look again.
    pub fn absorb(&mut self, harvest: &mut Harvest, now: Instant) -> bool {
        let before = self.due();
        self.lsn = self.lsn.max(harvest.lsn);
        if harvest.has_news() {
            self.pending.join_tables(&mut harvest.tables, self.max_pending);
            if let Some(reason) = harvest.resync.take() {
                self.pending.join_resync(reason);
            }
            let fresh = Spell { first: now, last: now, mid_transaction: false };
            self.spell.get_or_insert(fresh).last = now;
        }
        if std::mem::take(&mut harvest.committed) {
            harvest.unseen.committed(now);
        }
        self.unseen.absorb(&mut harvest.unseen);
        if let Some(spell) = &mut self.spell {
            spell.mid_transaction = harvest.transaction == Transaction::Changed;
        }
        let earlier = |due: Instant| before.is_none_or(|before| due < before);
        self.due().is_some_and(earlier)
    }

    /// When the next item is due; `None` while nothing is pending. A time in the past is due now.
    pub fn due(&self) -> Option<Instant> {
        [self.window_due(), self.failsafe_due()].into_iter().flatten().min()
    }

    /// Closes the window if it is due at `now`. Yields the item, and which transactions it stands for.
    pub fn take(&mut self, now: Instant) -> Option<(FeedItem, Unseen)> {
        if self.failsafe_due().is_some_and(|due| due <= now) {
            self.pending.join_resync(Reason::Failsafe);
        } else if self.window_due().is_none_or(|due| due > now) {
            return None;
        }
        let spell = self.spell.take();
        let mut unseen = std::mem::take(&mut self.unseen);
        unseen.set_unfinished(spell.is_some_and(|spell| spell.mid_transaction));
        self.closed = Some(now);
        let lsn = self.lsn;
        let item = match std::mem::take(&mut self.pending) {
            Pending::Empty => return None,
            Pending::Tables(tables) => FeedItem::Batch { events: tables.into_events(), lsn },
            Pending::Resync(reason) => {
                self.resynced = Some(now);
                FeedItem::Resync { reason, lsn }
            }
        };
        Some((item, unseen))
    }

    fn window_due(&self) -> Option<Instant> {
        let spell = self.spell.as_ref()?;
        match self.pending {
            Pending::Empty => None,
            Pending::Tables(_) => Some(self.debouncer.closes(spell, self.closed)),
            // Nothing is gained by waiting, except the end of a transaction: its position is needed.
            Pending::Resync(_) if spell.mid_transaction => Some(spell.first + self.debouncer.max_batch_wait),
            Pending::Resync(_) => Some(spell.first),
        }
    }

    /// Counts from the last Resync; before the first there is nothing to be safe about.
    fn failsafe_due(&self) -> Option<Instant> {
        Some(self.resynced? + self.failsafe?)
    }
}
