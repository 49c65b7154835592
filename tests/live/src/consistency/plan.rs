//! What happens in a round: a pure function of its seed.

use std::time::Duration;

use pgnudge::Edge;

use crate::consistency::dice::Dice;
use crate::consistency::fault::Scheduled;
use crate::consistency::transaction::Transaction;

/// A round: one feed, and some laps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) manner: Manner,
    pub(crate) laps: Vec<Lap>,
}

/// How the subscriber connects, and what it asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manner {
    pub(crate) tls: bool,
    pub(crate) debounce: Duration,
    pub(crate) edge: Edge,
    pub(crate) max_pending: usize,
    /// It takes its items from a hub.
    pub(crate) hub: bool,
    /// It holds a copy of one schema only, and filters on that.
    pub(crate) schema: Option<&'static str>,
    /// It has the markers of transactions, also of wal2json.
    pub(crate) markers: bool,
}

/// Work and faults side by side, then rest, then the comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lap {
    /// The transactions of each session.
    pub(crate) sessions: Vec<Vec<Transaction>>,
    pub(crate) faults: Vec<Scheduled>,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let manner = Manner::random(dice);
        let laps = (0..LAPS).map(|lap| Lap::random(dice, &format!("{seed}_{lap}"))).collect();
        Self { seed, manner, laps }
    }

    /// The same work with no fault.
    pub(crate) fn calm(mut self) -> Self {
        self.laps.iter_mut().for_each(|lap| lap.faults.clear());
        self
    }
}

impl Manner {
    fn random(dice: &mut Dice) -> Self {
        Self {
            tls: dice.once_in(3),
            debounce: Duration::from_millis(*dice.pick(&[0, 0, 2, 20, 50])),
            edge: *dice.pick(&[Edge::Trailing, Edge::Leading]),
            max_pending: *dice.pick(&[8192, 8192, 8192, 40, 4]),
            hub: dice.once_in(4),
            schema: dice.once_in(5).then_some("public"),
            markers: !dice.once_in(3),
        }
    }
}

impl Lap {
    fn random(dice: &mut Dice, label: &str) -> Self {
        let session = |dice: &mut Dice, session: u64| {
            let count = dice.within(5..25);
            let transaction = |n| Transaction::random(dice, &format!("{label}_{session}_{n}"));
            (0..count).map(transaction).collect()
        };
        let sessions = (0..SESSIONS).map(|number| session(dice, number)).collect();
        let faults = (0..dice.within(0..3)).map(|_| Scheduled::random(dice)).collect();
        Self { sessions, faults }
    }
}

/// Some, because it takes a while to make all those tables.
const LAPS: u64 = 6;
const SESSIONS: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_function_of_its_seed() {
        assert_eq!(Plan::of(42), Plan::of(42));
        assert_ne!(Plan::of(42).laps, Plan::of(43).laps);
    }

    #[test]
    fn a_calm_plan_has_the_same_work() {
        let (plan, calm) = (Plan::of(42), Plan::of(42).calm());
        assert!(plan.laps.iter().any(|lap| !lap.faults.is_empty()));
        assert!(calm.laps.iter().all(|lap| lap.faults.is_empty()));
        assert!(plan.laps.iter().zip(&calm.laps).all(|(a, b)| a.sessions == b.sessions));
    }
}
