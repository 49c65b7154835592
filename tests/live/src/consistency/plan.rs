//! What happens in a round: a pure function of its seed.

use crate::consistency::dice::Dice;
use crate::consistency::fault::Scheduled;
use crate::consistency::manner::Manner;
use crate::consistency::transaction::Transaction;
use crate::consistency::{
    Scenario, absent_standby, everything, first_partitions, frozen_writers, lagging_replica, schema_changes,
    takeover,
};

/// A round: one feed, and some laps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) scenario: Scenario,
    /// Makes the tables, and may write rows.
    pub(crate) create: String,
    pub(crate) manner: Manner,
    pub(crate) laps: Vec<Lap>,
}

/// Work and faults side by side, then rest, then the comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lap {
    /// The transactions of each session.
    pub(crate) sessions: Vec<Vec<Transaction>>,
    pub(crate) faults: Vec<Scheduled>,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let scenario = Scenario::of(seed);
        let dice = &mut Dice::new(seed);
        let (create, manner, laps) = match scenario {
            Scenario::Everything => everything::round(dice, seed),
            Scenario::SchemaChanges => schema_changes::round(dice, seed),
            Scenario::FirstPartitions => first_partitions::round(dice),
            Scenario::FrozenWriters => frozen_writers::round(dice),
            Scenario::AbsentStandby => absent_standby::round(dice),
            Scenario::LaggingReplica => lagging_replica::round(dice),
            Scenario::Failover => takeover::failover(dice),
            Scenario::Promotion => takeover::promotion(dice),
        };
        Self { seed, scenario, create, manner, laps }
    }

    /// The same work with no fault.
    pub(crate) fn calm(mut self) -> Self {
        self.laps.iter_mut().for_each(|lap| lap.faults.clear());
        self
    }
}

/// What a scenario makes of its dice: the SQL that makes the tables, the manner, the laps.
pub(crate) type Draft = (String, Manner, Vec<Lap>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_function_of_its_seed() {
        for seed in 32..48 {
            assert_eq!(Plan::of(seed), Plan::of(seed));
            assert_ne!(Plan::of(seed).laps, Plan::of(seed + 16).laps);
        }
    }

    #[test]
    fn a_calm_plan_has_the_same_work() {
        let (plan, calm) = (Plan::of(48), Plan::of(48).calm());
        assert!(plan.laps.iter().any(|lap| !lap.faults.is_empty()));
        assert!(calm.laps.iter().all(|lap| lap.faults.is_empty()));
        assert!(plan.laps.iter().zip(&calm.laps).all(|(a, b)| a.sessions == b.sessions));
    }
}
