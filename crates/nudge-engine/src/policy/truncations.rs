//! Which tables were truncated by the same statement.
//!
//! A TRUNCATE counts 1 for each of its tables, and 1 for each table above one of them, however many of
//! the partitions it truncated. What lies above is known only when an item goes out; until then this
//! remembers what was truncated together. A statement is known by its position in the log, since the
//! plugins print its tables in one message or in several.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use nudge_proto::Lsn;

/// Statements, and the places of their tables in a [`Coalescer`](crate::policy::Coalescer). That of one
/// table needs no memory: it counts like a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Truncations {
    /// Sets of tables, and by how many statements each was truncated.
    sets: IndexMap<Box<[usize]>, u64>,
    /// How many places the sets have.
    settled: usize,
    /// The latest statements. The last one may go on.
    latest: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
struct Statement {
    at: Lsn,
    places: Vec<usize>,
}

impl Truncations {
    /// The statement at this position truncated the table at this place, too.
    pub(super) fn add(&mut self, at: Lsn, place: usize) {
        match self.latest.last_mut() {
            Some(statement) if statement.at == at => statement.places.push(place),
            _ => self.latest.push(Statement { at, places: vec![place] }),
        }
    }

    /// Takes everything of `later`. `places` has the places here of the tables there.
    pub(super) fn absorb(&mut self, later: Self, places: &[usize]) {
        let here = |place: &usize| places.get(*place).copied();
        for (set, times) in later.sets {
            self.insert(set.iter().filter_map(here).collect(), times);
        }
        for Statement { at, places } in later.latest {
            places.iter().filter_map(here).for_each(|place| self.add(at, place));
        }
        self.settle();
    }

    /// Statements that truncated the same tables become one entry, except for the last statement.
    pub(super) fn settle(&mut self) {
        let over = self.latest.len().saturating_sub(1);
        for Statement { places, .. } in self.latest.drain(..over).collect::<Vec<_>>() {
            self.insert(places, 1);
        }
    }

    fn insert(&mut self, mut places: Vec<usize>, times: u64) {
        places.sort_unstable();
        places.dedup();
        if places.len() > 1 {
            let entry = self.sets.entry(places.into());
            if let indexmap::map::Entry::Vacant(vacant) = &entry {
                self.settled += vacant.key().len();
            }
            *entry.or_default() += times;
        }
    }

    /// How many places are remembered.
    pub(super) fn len(&self) -> usize {
        self.settled + self.latest.iter().map(|statement| statement.places.len()).sum::<usize>()
    }

    /// The sets of two tables or more, and by how many statements each was truncated.
    pub(super) fn into_sets(mut self) -> impl Iterator<Item = (Box<[usize]>, u64)> {
        for Statement { places, .. } in std::mem::take(&mut self.latest) {
            self.insert(places, 1);
        }
        self.sets.into_iter()
    }
}

/// The sets of one item that a table belongs to, by number, with the statements of each: what the counts
/// of two tables have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared(BTreeMap<usize, u64>);

impl Shared {
    /// The table belongs to the set of this number, which was truncated so many times.
    pub(super) fn add(&mut self, number: usize, times: u64) {
        self.0.insert(number, times);
    }

    /// Becomes the union. Returns how many statements were in both.
    pub(super) fn join(&mut self, other: &Self) -> u64 {
        let known = |(number, times): (&usize, &u64)| self.0.insert(*number, *times);
        other.0.iter().filter_map(known).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Ancestor, Ancestors, Coalescer, Pending, Seen, lineage};
    use crate::{Reason, TableName};
    use nudge_decode::{Identity, TableFilter, TableRef};
    use proptest::prelude::*;
    use std::time::SystemTime;

    /// Tables, and what lies above each.
    const TREE: [(&str, &[&str]); 6] = [
        ("root", &[]),
        ("leaf1", &["root"]),
        ("middle", &["root"]),
        ("leaf2", &["middle", "root"]),
        ("leaf3", &["middle", "root"]),
        ("plain", &[]),
    ];

    #[derive(Clone, Debug)]
    enum Step {
        Row(usize),
        /// These tables are truncated; after the first few of them a read ends. `apart`: each in a message.
        Truncate {
            tables: Vec<usize>,
            cut: usize,
            apart: bool,
        },
        EndOfRead,
    }

    fn step() -> impl Strategy<Value = Step> {
        let tables = prop::sample::subsequence((0..TREE.len()).collect::<Vec<_>>(), 1..=TREE.len());
        let truncate = (tables.prop_shuffle(), 0..8_usize, any::<bool>());
        prop_oneof![
            (0..TREE.len()).prop_map(Step::Row),
            truncate.prop_map(|(tables, cut, apart)| Step::Truncate { tables, cut, apart }),
            Just(Step::EndOfRead),
        ]
    }

    fn identity(table: usize) -> Identity<'static> {
        TableRef::new("s", TREE[table].0).into()
    }

    struct Feed {
        read: Coalescer,
        pending: Pending,
        at: u64,
    }

    const SEEN: Seen = Seen { at: SystemTime::UNIX_EPOCH, began: Lsn::ZERO };

    impl Feed {
        fn of(steps: &[Step], max: usize) -> Self {
            let mut feed = Self { read: Coalescer::default(), pending: Pending::Empty, at: 0 };
            steps.iter().for_each(|step| feed.perform(step, max));
            feed.pending.join_tables(&mut feed.read, max);
            feed
        }

        fn perform(&mut self, step: &Step, max: usize) {
            match step {
                Step::Row(table) => self.read.add(&identity(*table), SEEN),
                Step::EndOfRead => self.pending.join_tables(&mut self.read, max),
                Step::Truncate { tables, cut, apart } => {
                    self.at += 8;
                    let tables: Vec<_> = tables.iter().map(|&table| identity(table)).collect();
                    for (number, message) in tables.chunks(if *apart { 1 } else { 8 }).enumerate() {
                        message.iter().for_each(|table| self.read.add(table, SEEN));
                        self.read.truncated(message, Lsn::new(self.at));
                        if number == *cut {
                            self.pending.join_tables(&mut self.read, max);
                        }
                    }
                }
            }
        }

        fn counts(self) -> BTreeMap<String, u64> {
            let Pending::Tables(tables) = self.pending else { return BTreeMap::new() };
            let ancestors: Ancestors = TREE
                .iter()
                .map(|(table, above)| {
                    let ancestor = |up: &&str| Ancestor { table: TableName::new("s", up), keeps_keys: true };
                    (TableName::new("s", table), above.iter().map(ancestor).collect())
                })
                .collect();
            let above = |table: &TableName| ancestors.of(table).to_vec();
            let events = lineage::expand(tables.into_events(), above, &TableFilter::default());
            events.iter().map(|event| (event.table.table().to_owned(), event.count)).collect()
        }
    }

    /// Each step counts 1 for every table that it hits, and 1 for every table above one of them; but a row
    /// is one of its own.
    fn naive(steps: &[Step]) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for step in steps {
            let tables = match step {
                Step::Row(table) => std::slice::from_ref(table),
                Step::Truncate { tables, .. } => tables,
                Step::EndOfRead => &[],
            };
            for (name, _) in TREE {
                let hit = |&table: &usize| TREE[table].0 == name || TREE[table].1.contains(&name);
                if tables.iter().any(hit) {
                    *counts.entry(name.to_owned()).or_default() += 1;
                }
            }
        }
        counts
    }

    proptest! {
        /// However statements are printed, read and merged, and whatever rows are counted beside.
        #[test]
        fn r3_a_truncate_counts_once_for_every_table_above(steps in prop::collection::vec(step(), 0..40)) {
            prop_assert_eq!(Feed::of(&steps, 100).counts(), naive(&steps));
        }
    }

    fn truncate(tables: &[usize], apart: bool) -> Step {
        Step::Truncate { tables: tables.to_vec(), cut: 0, apart }
    }

    #[test]
    fn r5_repeated_statements_take_no_memory() {
        let steps: Vec<_> = (0..10_000).map(|n| truncate(&[0, 1, 2, 3, 4], n % 2 == 0)).collect();
        let counts = Feed::of(&steps, 5).counts();
        assert_eq!((counts["root"], counts["middle"], counts["leaf1"]), (10_000, 10_000, 10_000));
    }

    #[test]
    fn r5_statements_of_ever_other_tables_are_an_overflow() {
        let sets = (1..64_u32).map(|bits| (0..6).filter(|table| bits >> table & 1 == 1).collect::<Vec<_>>());
        let steps: Vec<_> = sets.map(|tables| truncate(&tables, true)).collect();
        assert!(matches!(Feed::of(&steps, 100).pending, Pending::Tables(_)));
        assert_eq!(Feed::of(&steps, 6).pending, Pending::Resync(Reason::Overflow));
        // One table again and again, at one position: no server prints that.
        let steps = [truncate(&[0; 100], true)];
        assert_eq!(Feed::of(&steps, 6).pending, Pending::Resync(Reason::Overflow));
    }
}
