//! What a consumer was told so far, added up.

use std::collections::BTreeMap;
use std::fmt;

use crate::consumer::Consumer;
use crate::evidence::ensure;
use crate::{Failure, Item};

/// Items, added up: how often each table, and the resyncs.
///
/// It reads up to a mark: a row that a claim commits last, in a table of its own. Everything that
/// was committed before it has been told by then, so nothing has to be waited for by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    counts: BTreeMap<String, u64>,
    /// How many batches there were.
    pub(crate) batches: usize,
    /// Why there were resyncs.
    pub(crate) resyncs: Vec<String>,
}

impl Tally {
    /// Adds an item.
    pub(crate) fn add(&mut self, item: &Item) {
        self.resyncs.extend(item.resync_reason().map(str::to_owned));
        self.batches += usize::from(item.resync_reason().is_none());
        for change in item.changes() {
            *self.counts.entry(change.payload.clone()).or_default() += change.count;
        }
    }

    /// Takes items until there is one that names the table.
    pub(crate) async fn until(&mut self, consumer: &mut impl Consumer, table: &str) -> Result<(), Failure> {
        while self.count(table) == 0 {
            let next = consumer.next_item().await;
            self.add(
                &next.map_err(|failure| failure.within(format!("{table} has not come; so far {self}")))?,
            );
        }
        Ok(())
    }

    /// The rows told of a table.
    pub(crate) fn count(&self, table: &str) -> u64 {
        self.counts.get(table).copied().unwrap_or_default()
    }

    /// Leaves a table out of account.
    pub(crate) fn forget(&mut self, table: &str) {
        self.counts.remove(table);
    }

    /// All the rows told.
    pub(crate) fn sum(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Checks that these tables were told with exactly these counts, no other, and no resync.
    pub(crate) fn ensure_exactly(&self, expected: &[(&str, u64)]) -> Result<(), Failure> {
        let expected: BTreeMap<_, _> = expected.iter().map(|(table, n)| ((*table).to_owned(), *n)).collect();
        let expected = Self { counts: expected, batches: self.batches, resyncs: Vec::new() };
        let (missing, wrong) = (expected.apart_from(self), self.apart_from(&expected));
        ensure!(*self == expected, "expected {missing}; told {wrong}");
        Ok(())
    }

    /// What the other does not have as well.
    fn apart_from(&self, other: &Self) -> Self {
        let mut apart = self.clone();
        apart.counts.retain(|table, count| other.counts.get(table) != Some(count));
        apart
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resyncs = self.resyncs.iter().map(|reason| format!("Resync({reason})"));
        let counts = self.counts.iter().map(|(table, count)| format!("{table:?} ×{count}"));
        let all: Vec<_> = resyncs.chain(counts).collect();
        if all.is_empty() { f.write_str("nothing") } else { f.write_str(&all.join(", ")) }
    }
}
