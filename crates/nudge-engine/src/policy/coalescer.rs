//! Many changes of one table, or of one row, become one event.

use std::collections::BTreeMap;
use std::time::SystemTime;

use indexmap::IndexMap;
use nudge_decode::{Identity, TableRef};
use nudge_proto::Lsn;

use crate::identity::{BorrowedIdentity, OwnedIdentity};
use crate::policy::truncations::{Shared, Truncations};
use crate::{Event, TableName};

/// Tables or rows and how often each changed, in the order in which they were first seen.
///
/// One that is there already is found by what the plugin printed: one more change of it costs a look-up
/// and an addition, and no allocation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coalescer {
    tallies: IndexMap<OwnedIdentity, Tally>,
    /// Which of the changes are of one statement. Rare: `None` costs nothing.
    truncations: Option<Box<Truncations>>,
}

/// When a change was seen, and where its transaction began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When.
    pub at: SystemTime,
    /// Where the transaction began. Zero: it may have been anywhere.
    pub began: Lsn,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tally {
    first_seen: SystemTime,
    count: u64,
    /// Where the first of the transactions began that changed it.
    since: Lsn,
    /// Whether there was a table of that name: an application may nudge a name without one.
    stored: bool,
}

impl Coalescer {
    /// Counts one change of a table or a row.
    pub fn add(&mut self, identity: &Identity<'_>, seen: Seen) {
        match self.tallies.get_mut(&BorrowedIdentity(identity)) {
            Some(tally) => tally.add(seen),
            // What is kept of it may be there already: the table of a row whose key is too long.
            None => self.tallies.entry(identity.into()).or_insert(Tally::new(seen)).add(seen),
        }
    }

    /// Counts an application's nudge of a name.
    pub fn add_nudge(&mut self, table: TableRef<'_>, seen: Seen) {
        let identity = Identity::from(table);
        let stored = self.tallies.get(&BorrowedIdentity(&identity)).is_some_and(|tally| tally.stored);
        self.add(&identity, seen);
        if let Some(tally) = self.tallies.get_mut(&BorrowedIdentity(&identity)) {
            tally.stored = stored;
        }
    }

    /// Counts one change of a table. Its place is the same until the tables are taken.
    pub fn add_table(&mut self, table: &TableName, seen: Seen) -> usize {
        let entry = self.tallies.entry(OwnedIdentity { table: table.clone(), key: None });
        let place = entry.index();
        entry.or_insert(Tally::new(seen)).add(seen);
        place
    }

    /// Counts one more change of the table at that place, of a transaction that began there.
    #[inline]
    pub fn add_at(&mut self, place: usize, began: Lsn) {
        if let Some((_, tally)) = self.tallies.get_index_mut(place) {
            (tally.count, tally.since) = (tally.count + 1, tally.since.min(began));
        }
    }

    /// These tables, of which a change was counted each, were truncated by the statement at this position.
    /// One that was not counted does not matter.
    pub fn truncated(&mut self, tables: &[Identity<'_>], at: Lsn) {
        for table in tables {
            if let Some(place) = self.tallies.get_index_of(&BorrowedIdentity(table)) {
                self.truncations.get_or_insert_default().add(at, place);
            }
        }
    }

    /// Counts the changes of an event.
    pub fn add_event(&mut self, event: &Event) {
        let Event { table, key, first_seen, count, .. } = event;
        let identity = OwnedIdentity { table: table.clone(), key: key.clone() };
        let tally = Tally { first_seen: *first_seen, count: *count, since: Lsn::ZERO, stored: true };
        self.tallies.entry(identity).and_modify(|mine| mine.count += count).or_insert(tally);
    }

    /// Takes everything of `other`, which happened later, and leaves it empty with its memory.
    pub fn absorb(&mut self, other: &mut Self) {
        let (mut places, truncations) = (Vec::new(), other.truncations.take());
        for (identity, tally) in other.tallies.drain(..) {
            let entry = self.tallies.entry(identity);
            if truncations.is_some() {
                places.push(entry.index());
            }
            entry.and_modify(|mine| mine.absorb(tally)).or_insert(tally);
        }
        if let Some(truncations) = truncations {
            self.truncations.get_or_insert_default().absorb(*truncations, &places);
        }
    }

    /// Whether there are more than `max` tables and rows, or more than `max` allows for to be remembered of
    /// statements that truncated several tables.
    pub fn exceeds(&mut self, max: usize) -> bool {
        let places = self.truncations.as_mut().map_or(0, |truncations| {
            truncations.settle();
            truncations.len()
        });
        self.len() > max || places > max.saturating_mul(PLACES)
    }

    /// How many changes there are.
    pub fn changes(&self) -> u64 {
        self.tallies.values().map(|tally| tally.count).sum()
    }

    /// How many tables and rows there are.
    pub fn len(&self) -> usize {
        self.tallies.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }

    /// The tables of which rows changed, in the order of their names, and where the first of the transactions
    /// began that changed each.
    pub fn stored_tables(&self) -> BTreeMap<TableName, Lsn> {
        let mut tables = BTreeMap::new();
        for (identity, tally) in self.tallies.iter().filter(|(_, tally)| tally.stored) {
            match tables.get_mut(&identity.table) {
                // Many rows may be of one table.
                Some(since) => *since = tally.since.min(*since),
                None => _ = tables.insert(identity.table.clone(), tally.since),
            }
        }
        tables
    }

    /// The events, in first-seen order.
    pub fn into_events(self) -> Vec<Event> {
        let tallies = self.tallies.into_iter();
        let event = |(OwnedIdentity { table, key }, Tally { first_seen, count, .. })| Event {
            table,
            key,
            first_seen,
            count,
            shared: Shared::default(),
        };
        let mut events: Vec<_> = tallies.map(event).collect();
        let sets = self.truncations.into_iter().flat_map(|truncations| truncations.into_sets());
        for (number, (places, times)) in sets.enumerate() {
            for place in places {
                if let Some(event) = events.get_mut(place) {
                    event.shared.add(number, times);
                }
            }
        }
        events
    }
}

impl Tally {
    fn new(Seen { at, began }: Seen) -> Self {
        Self { first_seen: at, count: 0, since: began, stored: true }
    }

    fn add(&mut self, seen: Seen) {
        (self.count, self.stored) = (self.count + 1, true);
        self.since = self.since.min(seen.began);
    }

    /// Takes in what happened later.
    fn absorb(&mut self, later: Self) {
        (self.count, self.stored) = (self.count + later.count, self.stored | later.stored);
        self.since = self.since.min(later.since);
    }
}

/// How many places may be remembered per table: one is a number, a fraction of what a name takes. A
/// statement takes one for each of its tables, but only the first one of the same tables.
const PLACES: usize = 8;
