//! Visible before nudged (rule R13).
//!
//! Decoding runs ahead of visibility. The commit record of a transaction is flushed, and so decoded,
//! before the transaction leaves the server's list of running ones; with synchronous replication it
//! stays there until the standby has answered. A consumer that refetched in between would read the old
//! rows, and nothing would nudge it again. So an item that is due may have to wait until a snapshot of
//! the server sees every transaction that it stands for (manual, "Transaction ID and Snapshot
//! Information Functions").

use std::time::{Duration, Instant};

use crate::named::named;
use crate::policy::Snapshot;

/// Which items are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// All.
    #[default]
    Always,
    /// Those with a commit younger than 20 ms, and all while the server waits for synchronous standbys.
    /// It is cheaper, and trusts that a server process is never stopped for longer than that between the
    /// flush of its commit and its end.
    Recent,
    /// None: the consumer takes care of it, or does not mind.
    Off,
}

named! {
    Visibility:
    Always = "always",
    Recent = "recent",
    Off = "off",
}

/// A transaction is visible within 10 ms of its commit being decoded unless a standby is waited for, or its
/// process is stopped; this is twice what was measured.
pub const YOUNG: Duration = Duration::from_millis(20);

/// The transactions of an item, as long as it is not known that they can be seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unseen {
    xids: Vec<u32>,
    /// When the last of them committed.
    youngest: Option<Instant>,
    /// Whether the item was cut out of a transaction whose commit has not arrived yet, or never will.
    unfinished: bool,
}

impl Unseen {
    /// How many are told apart: some hundred milliseconds of the fastest server there is. Beyond it
    /// the oldest are forgotten: they are the ones that are visible by now.
    pub const MAX: usize = 16 * 1024;

    /// A transaction has changes in the item. Telling it again changes nothing.
    pub fn add(&mut self, xid: u32) {
        if self.xids.last() == Some(&xid) {
            return;
        }
        if self.xids.len() >= Self::MAX {
            self.xids.drain(..Self::MAX / 2);
        }
        self.xids.push(xid);
    }

    /// The last of them has committed now.
    pub fn committed(&mut self, now: Instant) {
        self.youngest = Some(now);
    }

    /// A commit is still to come.
    pub fn set_unfinished(&mut self) {
        self.unfinished = true;
    }

    /// Whether a commit is still to come.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Takes those of a later part of the item, and leaves it empty.
    pub fn absorb(&mut self, later: &mut Self) {
        for xid in later.xids.drain(..) {
            self.add(xid);
        }
        self.youngest = later.youngest.take().or(self.youngest);
        self.unfinished |= std::mem::take(&mut later.unfinished);
    }

    /// Forgets those that the snapshot sees; `true` when none is left.
    pub fn confirm(&mut self, snapshot: &Snapshot) -> bool {
        self.xids.retain(|&xid| !snapshot.sees(xid));
        self.xids.is_empty()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.xids.is_empty()
    }

    /// Whether the item waits for an answer if it is to go out at `now`. `synchronous`: the server waits for
    /// standbys.
    pub fn is_in_doubt(&self, visibility: Visibility, synchronous: bool, now: Instant) -> bool {
        if self.xids.is_empty() {
            return false;
        }
        match visibility {
            Visibility::Off => false,
            Visibility::Always => true,
            Visibility::Recent => {
                let young = |youngest: Instant| now < youngest + YOUNG;
                synchronous || self.unfinished || self.youngest.is_some_and(young)
            }
        }
    }
}

/// How long to wait before the next look: `tries` looks have not seen everything, and the item has waited
/// for so long. `None`, not at all, at first, for a commit on its way takes no longer than a look does, and a
/// timer takes a millisecond or two; then an eighth of what it has waited, for a standby may take hours.
pub fn pause(tries: u32, waited: Duration) -> Option<Duration> {
    const AT_ONCE: u32 = 4;
    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_secs(1);
    (tries >= AT_ONCE).then(|| (waited / 8).clamp(SHORTEST, LONGEST))
}

/// How long a new stream waits for the transactions that ran when its slot was made; `None`: it does
/// not. A commit is on its way for less than a millisecond, if it gets to run; one that waits for a
/// standby takes as long as that does.
pub fn patience(visibility: Visibility, synchronous: bool) -> Option<Duration> {
    match visibility {
        Visibility::Off => None,
        _ if synchronous => Some(BLIND),
        _ => Some(BLIND / 10),
    }
}

/// How long an item waits for an answer when nobody answers, counted from the question.
pub const BLIND: Duration = Duration::from_secs(1);

/// How long to wait before asking again when nobody answered.
pub const RETRY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(xmax: u64, running: &[u64]) -> Snapshot {
        Snapshot { xmax, running: running.to_vec(), ..Snapshot::default() }
    }

    proptest! {
        #[test]
        fn r13_confirmed_is_what_a_later_look_need_not_ask_again(xids in prop::collection::vec(0..50_u32, 0..20)) {
            let mut unseen = Unseen::default();
            xids.iter().for_each(|&xid| unseen.add(xid));
            let done = unseen.confirm(&snapshot(30, &[7]));
            prop_assert_eq!(done, xids.iter().all(|&xid| xid < 30 && xid != 7));
            prop_assert!(unseen.confirm(&snapshot(50, &[])));
        }
    }

    #[test]
    fn r13_memory_is_bounded() {
        let mut unseen = Unseen::default();
        (0..100_000).for_each(|xid| unseen.add(xid));
        assert!(unseen.xids.len() <= Unseen::MAX && unseen.xids.contains(&99_999));
    }

    #[test]
    fn r13_a_part_that_is_unfinished_makes_the_whole_so() {
        let (mut whole, mut part) = (Unseen::default(), Unseen::default());
        part.set_unfinished();
        whole.absorb(&mut part);
        whole.absorb(&mut part);
        assert!(whole.is_unfinished() && !part.is_unfinished());
    }

    #[test]
    fn r13_what_is_checked() {
        let now = Instant::now() + Duration::from_secs(1);
        let check = |visibility, age: u64, synchronous, unfinished| {
            let mut unseen = Unseen { unfinished, ..Unseen::default() };
            unseen.add(1);
            unseen.committed(now - Duration::from_millis(age));
            unseen.is_in_doubt(visibility, synchronous, now)
        };
        assert!(check(Visibility::Recent, 19, false, false));
        assert!(!check(Visibility::Recent, 20, false, false));
        assert!(check(Visibility::Recent, 500, true, false));
        assert!(check(Visibility::Recent, 500, false, true));
        assert!(check(Visibility::default(), 500, false, false), "by default every item");
        assert!(!check(Visibility::Off, 0, true, true));
        assert!(!Unseen::default().is_in_doubt(Visibility::Always, true, now));
    }

    #[test]
    fn pauses_grow_and_stay_short_beside_the_wait() {
        let millis =
            |tries, waited| pause(tries, Duration::from_millis(waited)).map(|pause| pause.as_millis());
        assert_eq!([0, 3].map(|tries| millis(tries, 500)), [None, None]);
        assert_eq!(
            [0, 8, 80, 800, 8000, 3_600_000].map(|waited| millis(4, waited)),
            [1, 1, 10, 100, 1000, 1000].map(Some)
        );
        assert_eq!(millis(u32::MAX, 0), Some(1));
    }
}
