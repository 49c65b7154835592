//! What a run has seen.

use std::collections::BTreeMap;
use std::fmt;

use crate::consistency::Scenario;
use crate::consistency::round::Played;
use crate::consistency::timeline::{Entry, Kind, Timeline};

/// What a run has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed that it began with.
    pub seed: u64,
    /// How many rounds were played.
    pub rounds: u64,
    /// How many of each scenario.
    pub scenarios: BTreeMap<&'static str, usize>,
    /// How many transactions of the workload were committed.
    pub committed: u64,
    /// How many were rolled back: by plan, by an error, or with their server.
    pub rolled_back: u64,
    /// The copies that were not equal to the database: one, unless the run is persistent.
    pub stale: Vec<Stale>,
    /// What happened, and when.
    pub timeline: Timeline,
}

/// A copy that is not as the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stale {
    /// Of the round, to be played again.
    pub seed: u64,
    /// What the round is about.
    pub scenario: &'static str,
    /// In which lap of the round.
    pub lap: i64,
    /// The first table, and its rows.
    pub found: String,
}

impl Report {
    pub(crate) fn add(&mut self, scenario: Scenario, played: Played, entries: Vec<Entry>) {
        self.rounds += 1;
        *self.scenarios.entry(scenario.name()).or_default() += 1;
        self.committed += played.outcome.committed;
        self.rolled_back += played.outcome.rolled_back;
        self.stale.extend(played.stale);
        self.timeline.entries.extend(entries);
    }

    /// How often each fault was done.
    #[must_use]
    pub fn faults(&self) -> BTreeMap<&'static str, usize> {
        self.count(|kind| match kind {
            Kind::Fault { fault } => Some(*fault),
            _ => None,
        })
    }

    /// How often there was a Resync, by reason.
    #[must_use]
    pub fn resyncs(&self) -> BTreeMap<&str, usize> {
        self.count(|kind| match kind {
            Kind::Resync { reason } => Some(reason.as_str()),
            _ => None,
        })
    }

    /// How many batches were told, and how often the copy was found to be right.
    #[must_use]
    pub fn items_and_comparisons(&self) -> (usize, usize) {
        let entries = || self.timeline.entries.iter().map(|entry| &entry.kind);
        (
            entries().filter(|kind| matches!(kind, Kind::Item { .. })).count(),
            entries().filter(|kind| matches!(kind, Kind::Equal { .. })).count(),
        )
    }

    fn count<'a, K: Ord>(&'a self, key: impl Fn(&'a Kind) -> Option<K>) -> BTreeMap<K, usize> {
        let mut counts = BTreeMap::new();
        for name in self.timeline.entries.iter().filter_map(|entry| key(&entry.kind)) {
            *counts.entry(name).or_default() += 1;
        }
        counts
    }
}

/// One line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (items, comparisons) = self.items_and_comparisons();
        let (faults, resyncs): (usize, usize) = (self.faults().values().sum(), self.resyncs().values().sum());
        let Self { rounds, committed, .. } = self;
        write!(
            f,
            "{rounds} rounds, {faults} faults, {resyncs} resyncs, {items} items, {committed} commits, "
        )?;
        write!(f, "{comparisons} comparisons, stale={}", self.stale.len())
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, scenario, lap, found } = self;
        write!(f, "seed {seed} ({scenario}), lap {lap}: {found}")
    }
}
