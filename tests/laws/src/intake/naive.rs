//! The window as one would write it first: a list of every change, added up when it is asked for.

use std::time::{Duration, Instant};

use nudge_engine::policy::{Debouncer, Edge};
use nudge_engine::{Event, FeedItem, Lsn, Reason};

/// What the rules are about, and nothing that makes it quick or small.
pub(super) struct Naive {
    debouncer: Debouncer,
    max_pending: usize,
    failsafe: Option<Duration>,
    read: Read,
    open: Option<Transaction>,
    /// Every change since the last item, and why they do not count if they do not.
    changes: Vec<Event>,
    resync: Option<Reason>,
    /// When the first and the last of these arrived.
    times: Option<(Instant, Instant)>,
    mid_transaction: bool,
    cut: bool,
    xids: Vec<u32>,
    lsn: Lsn,
    closed: Option<Instant>,
    resynced: Option<Instant>,
}

/// What has not been handed over yet.
#[derive(Default)]
struct Read {
    changes: Vec<Event>,
    /// Whether one of them matters for certain.
    certain: bool,
    resync: Option<Reason>,
    xids: Vec<u32>,
    lsn: Lsn,
    restarted: bool,
}

#[derive(Clone, Copy)]
struct Transaction {
    xid: u32,
    changed: bool,
}

impl Naive {
    pub(super) fn new(debouncer: Debouncer, max_pending: usize, failsafe: Option<Duration>) -> Self {
        Self {
            debouncer,
            max_pending,
            failsafe,
            read: Read::default(),
            open: None,
            changes: Vec::new(),
            resync: None,
            times: None,
            mid_transaction: false,
            cut: false,
            xids: Vec::new(),
            lsn: Lsn::ZERO,
            closed: None,
            resynced: None,
        }
    }

    pub(super) fn begin(&mut self, xid: u32) {
        self.open = Some(Transaction { xid, changed: false });
    }

    pub(super) fn commit(&mut self) {
        let committed = self.open.take().filter(|transaction| transaction.changed);
        self.read.xids.extend(committed.map(|transaction| transaction.xid));
    }

    pub(super) fn change(&mut self, event: Event) {
        self.suspect(event);
        self.read.certain = true;
    }

    /// It opens a window, and keeps none open.
    pub(super) fn suspect(&mut self, event: Event) {
        self.read.changes.push(event);
        self.mark();
    }

    pub(super) fn resync(&mut self, reason: Reason) {
        self.read.resync = self.read.resync.or(Some(reason));
        self.mark();
    }

    fn mark(&mut self) {
        self.open.iter_mut().for_each(|transaction| transaction.changed = true);
    }

    /// What came before on the old stream, and was not handed over, is part of the gap.
    pub(super) fn restart(&mut self, reason: Reason) {
        self.read = Read { resync: Some(reason), restarted: true, ..Read::default() };
        self.open = None;
    }

    pub(super) fn reach(&mut self, lsn: Lsn) {
        self.read.lsn = lsn;
    }

    pub(super) fn absorb(&mut self, now: Instant) {
        let read = std::mem::take(&mut self.read);
        if read.restarted {
            (self.xids, self.lsn) = (Vec::new(), Lsn::ZERO);
        }
        self.lsn = self.lsn.max(read.lsn);
        if !read.changes.is_empty() || read.resync.is_some() {
            self.changes.extend(read.changes);
            let overflow = (self.events().len() > self.max_pending).then_some(Reason::Overflow);
            self.resync = self.resync.or(overflow).or(read.resync);
            let (first, last) = self.times.unwrap_or((now, now));
            self.times = Some((first, if read.certain { now } else { last }));
        }
        self.xids.extend(read.xids);
        if self.times.is_some() {
            let open = self.open.filter(|transaction| transaction.changed);
            self.mid_transaction = open.is_some();
            self.xids.extend(open.map(|transaction| transaction.xid));
        }
    }

    /// One event per table or row, in the order in which they were first seen.
    fn events(&self) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        for change in &self.changes {
            match events.iter_mut().find(|event| event.table == change.table && event.key == change.key) {
                Some(event) => event.count += change.count,
                None => events.push(change.clone()),
            }
        }
        events
    }

    /// Rule R4, case by case.
    pub(super) fn due(&self) -> Option<Instant> {
        let Debouncer { debounce, max_batch_wait, edge } = self.debouncer;
        let window = self.times.map(|(first, last)| {
            let quiet = self.closed.is_none_or(|closed| closed + debounce <= first);
            match edge {
                _ if self.mid_transaction => first + max_batch_wait,
                _ if self.resync.is_some() => first,
                Edge::Trailing => (last + debounce).min(first + max_batch_wait),
                Edge::Leading if quiet => first,
                Edge::Leading => first + debounce,
            }
        });
        window.into_iter().chain(self.failsafe_due()).min()
    }

    fn failsafe_due(&self) -> Option<Instant> {
        Some(self.resynced? + self.failsafe?)
    }

    /// The item that is due, and the transactions that it stands for.
    pub(super) fn take(&mut self, now: Instant) -> Option<(FeedItem, Vec<u32>)> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        if self.failsafe_due().is_some_and(|due| due <= now) {
            self.resync = self.resync.or(Some(Reason::Failsafe));
        }
        let (events, lsn) = (self.events(), self.lsn);
        self.changes.clear();
        self.cut = self.times.take().is_some() && self.mid_transaction;
        self.closed = Some(now);
        let item = match self.resync.take() {
            Some(reason) => {
                self.resynced = Some(now);
                FeedItem::Resync { reason, lsn }
            }
            None => FeedItem::Batch { events, lsn },
        };
        Some((item, std::mem::take(&mut self.xids)))
    }

    /// Whether the last item was.
    pub(super) fn was_cut_out_of_a_transaction(&self) -> bool {
        self.cut
    }

    /// The Resync counts as never taken.
    pub(super) fn put_back(&mut self, reason: Reason, now: Instant) {
        self.resync = Some(reason);
        self.times = self.times.or_else(|| {
            self.mid_transaction = false;
            Some((now, now))
        });
    }
}
