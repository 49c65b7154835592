//! Many changes of one table become one event.

use std::time::SystemTime;

use indexmap::IndexMap;
use nudge_decode::TableRef;

use crate::table_name::Borrowed;
use crate::{Event, TableName};

/// Tables and how often each changed, in the order in which they were first seen.
///
/// A table that is there already is found by its borrowed name: one more change of it costs a look-up
/// and an addition, and no allocation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coalescer {
    tallies: IndexMap<TableName, Tally>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tally {
    first_seen: SystemTime,
    count: u64,
}

impl Coalescer {
    /// Counts one change of a table, seen at `now`.
    pub fn add(&mut self, table: &TableRef<'_>, now: SystemTime) {
        match self.tallies.get_mut(&Borrowed(table)) {
            Some(tally) => tally.count += 1,
            None => {
                self.tallies.insert(table.into(), Tally { first_seen: now, count: 1 });
            }
        }
    }

    /// Counts the changes of an event.
    pub fn add_event(&mut self, event: &Event) {
        let Event { table, first_seen, count } = event;
        let tally = Tally { first_seen: *first_seen, count: *count };
        self.tallies.entry(table.clone()).and_modify(|mine| mine.count += count).or_insert(tally);
    }

    /// Takes everything of `other`, which happened later, and leaves it empty with its memory.
    pub fn absorb(&mut self, other: &mut Self) {
        for (table, tally) in other.tallies.drain(..) {
            self.tallies.entry(table).and_modify(|mine| mine.count += tally.count).or_insert(tally);
        }
    }

    /// How many changes there are.
    pub fn changes(&self) -> u64 {
        self.tallies.values().map(|tally| tally.count).sum()
    }

    /// How many tables there are.
    pub fn len(&self) -> usize {
        self.tallies.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }

    /// The events, in first-seen order.
    pub fn into_events(self) -> Vec<Event> {
        let event = |(table, Tally { first_seen, count })| Event { table, first_seen, count };
        self.tallies.into_iter().map(event).collect()
    }
}
