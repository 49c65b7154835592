//! What a run has seen.

use std::collections::BTreeMap;
use std::fmt;

use crate::consistency::round::Played;
use crate::consistency::timeline::{Entry, Kind, Timeline};

/// What a run has seen so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed of its first round; each later one has the next number.
    pub seed: u64,
    /// How many rounds were played.
    pub rounds: u64,
    /// How many transactions of the workload were committed.
    pub committed: u64,
    /// How many were rolled back: by plan, by an error, or with their server.
    pub rolled_back: u64,
    /// A copy that was not equal to the database. The run ends with it.
    pub stale: Option<Stale>,
    /// What happened, and when.
    pub timeline: Timeline,
}

/// A copy that is not as the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stale {
    /// Of the round, to be played again.
    pub seed: u64,
    /// In which lap of the round.
    pub lap: i64,
    /// The first table, and its rows.
    pub found: String,
}

impl Report {
    pub(crate) fn add(&mut self, played: Played, entries: Vec<Entry>) {
        self.rounds += 1;
        self.committed += played.outcome.committed;
        self.rolled_back += played.outcome.rolled_back;
        self.stale = played.stale;
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
        write!(f, "{comparisons} comparisons, stale={}", usize::from(self.stale.is_some()))
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, lap {}: {}", self.seed, self.lap, self.found)
    }
}
