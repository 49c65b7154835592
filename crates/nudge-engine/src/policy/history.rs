//! What is known to have ended before a position of the stream.
//!
//! The catalog that the server shows is that of now; a name in the stream is from when its change was
//! written. Both mean the same table unless a transaction in between has renamed, moved, detached or made
//! it. The rows of the catalog carry the transaction that wrote them; this answers whether that one had
//! ended before.

use std::collections::VecDeque;

use nudge_proto::Lsn;

use crate::policy::Snapshot;

/// Snapshots in the order of their positions, and transactions without changes, which may have been DDL.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The first is from before the stream.
    moments: Vec<Moment>,
    /// Ids with the ends of their commit records.
    ended: VecDeque<(u32, Lsn)>,
}

/// What an answer of the server said.
#[derive(Clone, Debug)]
struct Moment {
    snapshot: Snapshot,
    /// Whether there were tables above others, then or before the next moment.
    linked: bool,
}

impl History {
    /// A stream begins; the snapshot is from before it, so every change is behind its position. `linked`:
    /// there were tables above others.
    pub fn restart(&mut self, before: Snapshot, linked: bool) {
        *self = Self { moments: vec![Moment { snapshot: before, linked }], ended: VecDeque::new() };
    }

    /// A snapshot was taken.
    pub fn add(&mut self, snapshot: &Snapshot, linked: bool) {
        if let Some(last) = self.moments.last_mut().filter(|last| last.snapshot.inserted >= snapshot.inserted)
        {
            last.linked |= linked;
            return;
        }
        self.moments.push(Moment { snapshot: snapshot.clone(), linked });
        if self.moments.len() > MOST_MOMENTS {
            self.thin_out();
        }
    }

    /// Of the older half every second one goes: a long transaction finds one that is at most twice as old as
    /// it is.
    fn thin_out(&mut self) {
        let younger = self.moments.split_off(MOST_MOMENTS / 2);
        let older = std::mem::take(&mut self.moments);
        for (n, moment) in older.into_iter().enumerate() {
            match self.moments.last_mut() {
                Some(last) if n % 2 == 1 => last.linked |= moment.linked,
                _ => self.moments.push(moment),
            }
        }
        self.moments.extend(younger);
    }

    /// A transaction has ended whose commit record ends at `lsn`.
    pub fn ended(&mut self, xid: u32, lsn: Lsn) {
        if self.ended.len() >= MOST_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((xid, lsn));
    }

    /// The latest snapshot from before a position.
    pub fn before(&self, lsn: Lsn) -> Option<&Snapshot> {
        self.moments.get(self.since(lsn)?).map(|moment| &moment.snapshot)
    }

    /// Whether there may have been tables above others at a position, or at any time since.
    pub fn linked_since(&self, lsn: Lsn) -> bool {
        let moments = self.since(lsn).and_then(|index| self.moments.get(index..));
        moments.is_none_or(|moments| moments.iter().any(|moment| moment.linked))
    }

    /// Whether a transaction or subtransaction is known to have ended before a position. `now` sees what it wrote.
    pub fn had_ended(&self, xid: u32, lsn: Lsn, now: &Snapshot) -> bool {
        self.before(lsn).is_some_and(|snapshot| snapshot.had_ended(xid, now))
            || self.ended.iter().any(|&(ended, at)| ended == xid && at <= lsn)
    }

    /// The oldest transaction that may be younger than a position: the lower half of its id.
    pub fn oldest(&self, lsn: Lsn) -> u32 {
        let moment = self.before(lsn).or(self.moments.first().map(|moment| &moment.snapshot));
        moment.map_or(FIRST_NORMAL, Snapshot::oldest)
    }

    fn since(&self, lsn: Lsn) -> Option<usize> {
        self.moments.iter().rposition(|moment| moment.snapshot.inserted <= lsn)
    }
}

/// With their lists of running transactions, a few hundred of them each on a large server.
const MOST_MOMENTS: usize = 32;

/// The first id that is given out (`FirstNormalTransactionId`).
const FIRST_NORMAL: u32 = 3;

/// Between two snapshots there is a window, or a second. Past that the oldest are forgotten: then a change
/// of a table that was made or renamed just before is a Resync.
const MOST_ENDED: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(inserted: u64, xmax: u64, running: &[u64]) -> Snapshot {
        let (running, inserted) = (running.to_vec(), Lsn::new(inserted));
        let xmin = running.iter().copied().min().unwrap_or(xmax);
        Snapshot { xmax, xmin, next: xmax, running, lsn: inserted, inserted }
    }

    #[test]
    fn a_transaction_had_ended_if_an_earlier_snapshot_sees_it() {
        let mut history = History::default();
        history.restart(snapshot(100, 700, &[690]), false);
        history.add(&snapshot(200, 710, &[]), false);
        let had_ended = |xid, lsn| history.had_ended(xid, Lsn::new(lsn), &snapshot(900, 1000, &[690]));
        assert!(had_ended(699, 150) && !had_ended(690, 150) && !had_ended(705, 150));
        assert!(had_ended(690, 200) && had_ended(705, 200) && !had_ended(710, 900));
        assert!(!had_ended(600, 99), "nothing is known of before");
    }

    #[test]
    fn a_transaction_that_the_stream_has_told_had_ended_behind_its_commit() {
        let mut history = History::default();
        history.restart(snapshot(100, 700, &[]), false);
        let now = snapshot(900, 1000, &[]);
        history.ended(705, Lsn::new(300));
        assert!(!history.had_ended(705, Lsn::new(299), &now) && history.had_ended(705, Lsn::new(300), &now));
        (0..2000).for_each(|_| history.ended(1, Lsn::new(1)));
        assert!(!history.had_ended(705, Lsn::new(300), &now) && history.ended.len() == MOST_ENDED);
    }

    #[test]
    fn memory_is_bounded_and_what_is_kept_is_dense_where_it_is_young() {
        let mut history = History::default();
        history.restart(snapshot(1, 1, &[]), false);
        (2..10_000).for_each(|n| history.add(&snapshot(n, n, &[]), false));
        assert!(history.moments.len() <= MOST_MOMENTS);
        assert_eq!(history.before(Lsn::new(1)).unwrap().xmax, 1, "the first is kept");
        for lsn in [9_990, 9_995, 9_999] {
            assert_eq!(history.before(Lsn::new(lsn)).unwrap().xmax, lsn);
        }
    }

    #[test]
    fn a_snapshot_that_is_not_later_is_none() {
        let mut history = History::default();
        history.restart(snapshot(100, 700, &[]), false);
        history.add(&snapshot(100, 900, &[]), true);
        assert_eq!(history.before(Lsn::new(100)).unwrap().xmax, 700);
    }

    #[test]
    fn a_link_is_remembered_for_those_that_began_before_it() {
        let mut history = History::default();
        history.restart(snapshot(1, 1, &[]), false);
        (2..10_000).for_each(|n| history.add(&snapshot(n, n, &[]), n == 5000));
        assert!(history.linked_since(Lsn::new(1)) && history.linked_since(Lsn::new(5000)));
        assert!(!history.linked_since(Lsn::new(9_990)));
        assert!(history.linked_since(Lsn::ZERO), "nothing is known of before");
    }
}
