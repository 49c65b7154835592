//! What the server sees: `pg_current_snapshot()`, and where its log stood then (manual, "Transaction ID and
//! Snapshot Information Functions").

use nudge_proto::Lsn;

use crate::policy::Unseen;

/// A snapshot of the server, and positions that belong to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// One more than the highest id that has ended, 64 bits.
    pub xmax: u64,
    /// The lowest id in progress, or `xmax`. It counts subtransactions, and is right on a standby.
    pub xmin: u64,
    /// The next id to be given out. Ids from `xmax` up to it may be in progress, too: a snapshot lists
    /// only those below `xmax`.
    pub next: u64,
    /// The ids below `xmax` that are in progress, without those of subtransactions. A standby lists none.
    pub running: Vec<u64>,
    /// The end of the log that was written when the snapshot was there, or later.
    pub lsn: Lsn,
    /// No commit that the snapshot sees has its record behind this position. It may be ahead of `lsn`.
    pub inserted: Lsn,
}

impl Snapshot {
    /// Whether it sees a transaction that has ended, of whose id the lower 32 bits are known. The id is
    /// within 2³¹ of `xmax`: PostgreSQL keeps all ids in use within that distance.
    pub fn sees(&self, xid: u32) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
        let distance = (self.xmax as u32).wrapping_sub(xid).cast_signed();
        match u64::try_from(distance) {
            Ok(below) if below > 0 => !self.running.contains(&self.xmax.saturating_sub(below)),
            _ => false,
        }
    }

    /// Whether a transaction that was in progress at this snapshot still is at a later one.
    pub fn outlasts(&self, later: &Self) -> bool {
        let ran = |id: &u64| self.running.contains(id) || (self.xmax..self.next).contains(id);
        later.xmax < self.next || later.running.iter().any(ran)
    }

    /// The transactions in progress at this snapshot that still are at a later one. Of those that no snapshot
    /// lists some may be parts of others.
    pub fn unended(&self, later: &Self) -> Unseen {
        let mut unended = Unseen::default();
        let listed = self.running.iter().copied();
        let unlisted = (self.xmax..self.next).take(Unseen::MAX);
        for id in listed.chain(unlisted).filter(|&id| id >= later.xmax || later.running.contains(&id)) {
            #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
            unended.add(id as u32);
        }
        unended
    }

    /// The lower half of the lowest id in progress.
    pub fn oldest(&self) -> u32 {
        lower(self.xmin)
    }

    /// Whether a transaction or subtransaction had ended when this was taken, of which a later snapshot sees what
    /// it wrote. A subtransaction is not listed, but has a higher id than the transaction that it is a part of,
    /// and has ended with that.
    pub fn had_ended(&self, xid: u32, later: &Self) -> bool {
        let below = |id: u64| lower(id).wrapping_sub(xid).cast_signed() > 0;
        let has_ended = |id: &u64| !later.running.contains(id) && *id < later.xmax;
        let is_part_of_none = || !self.running.iter().any(|id| !below(*id) && has_ended(id));
        below(self.xmin) || !self.running.is_empty() && self.sees(xid) && is_part_of_none()
    }
}

fn lower(id: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let lower = id as u32;
    lower
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_possible_truncation, reason = "the lower half of an id is meant")]

    use super::*;
    use proptest::prelude::*;

    fn snapshot(xmax: u64, next: u64, running: &[u64]) -> Snapshot {
        let xmin = running.iter().copied().min().unwrap_or(xmax);
        Snapshot { xmax, xmin, next, running: running.to_vec(), ..Snapshot::default() }
    }

    /// 710 runs, and 712 is a subtransaction of it; 715 runs, too.
    #[test]
    fn a_subtransaction_has_ended_with_its_transaction() {
        let first = snapshot(720, 720, &[710, 715]);
        for (later, xid, ended) in [
            (&[710, 715][..], 709, true),
            (&[710, 715], 710, false),
            (&[715], 712, false),
            (&[710], 712, true),
            (&[710], 718, false),
            (&[710, 715], 718, true),
            (&[], 709, true),
            (&[710, 715], 720, false),
        ] {
            assert_eq!(first.had_ended(xid, &snapshot(730, 730, later)), ended, "{xid} {later:?}");
        }
    }

    /// All that runs is hidden there, but for the lowest id.
    #[test]
    fn on_a_standby_only_the_lowest_id_counts() {
        let standby = Snapshot { xmax: 881, xmin: 879, next: 881, ..Snapshot::default() };
        let later = Snapshot { xmax: 890, xmin: 890, next: 890, ..Snapshot::default() };
        assert_eq!([878, 879, 880].map(|xid| standby.had_ended(xid, &later)), [true, false, false]);
    }

    #[test]
    fn r13_only_what_is_neither_running_nor_future_is_seen() {
        let snapshot = snapshot(1000, 1005, &[990, 995]);
        for (xid, seen) in [(989, true), (990, false), (999, true), (1000, false), (1004, false)] {
            assert_eq!(snapshot.sees(xid), seen, "{xid}");
        }
    }

    #[test]
    fn r13_what_runs_is_more_than_a_snapshot_lists() {
        let hangs = snapshot(772, 773, &[]);
        assert!(hangs.outlasts(&snapshot(772, 780, &[])), "nothing has ended since");
        assert!(hangs.outlasts(&snapshot(775, 780, &[772])), "another one has");
        assert!(!hangs.outlasts(&snapshot(775, 780, &[774])), "only a later one runs");
        assert!(!snapshot(772, 772, &[]).outlasts(&snapshot(772, 772, &[])), "nothing ran");
        assert!(snapshot(772, 772, &[700]).outlasts(&snapshot(800, 800, &[700])));
    }

    proptest! {
        /// The epoch: ids of the stream have 32 bits, the snapshot's have 64.
        #[test]
        fn r13_wrapped_ids_are_told_apart(xmax in (1_u64 << 31)..(1 << 40), back in 1..(1_u64 << 31)) {
            let full = xmax - back;
            prop_assert!(snapshot(xmax, xmax, &[]).sees(full as u32));
            prop_assert!(!snapshot(xmax, xmax, &[full]).sees(full as u32));
            prop_assert!(!snapshot(full, full, &[]).sees(xmax as u32));
        }

        /// Whatever was in progress and is not seen later outlasts; what is seen does not.
        #[test]
        fn r13_a_transaction_outlasts_until_it_is_seen(
            ids in prop::collection::btree_set(0..40_u64, 1..8), ended in prop::collection::btree_set(0..60_u64, 0..60),
        ) {
            let next = 40;
            let state = |ended: &dyn Fn(u64) -> bool, next: u64| {
                let xmax = (0..next).rev().find(|&id| ended(id)).map_or(0, |id| id + 1);
                let running = (0..xmax).filter(|&id| !ended(id)).collect();
                Snapshot { xmax, next, running, ..Snapshot::default() }
            };
            let first = state(&|id| !ids.contains(&id), next);
            let over = |id: u64| !ids.contains(&id) && id < next || ended.contains(&id);
            let later = state(&over, 60);
            prop_assert_eq!(first.outlasts(&later), ids.iter().any(|&id| !over(id)));
            prop_assert_eq!(first.unended(&later).is_empty(), !first.outlasts(&later));
        }
    }
}
