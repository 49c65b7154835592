//! Partitions under their root, and inheritance children under their parent.
//!
//! A row of a partitioned table is decoded under the name of the partition that holds it. Who watches
//! the table above would hear nothing; so a change in a partition is a change in every partitioned
//! table above it, by name (knob `partition_root`).
//!
//! The key of a row goes with it. A partition has all columns of the tables above it, and their primary
//! key if they have one; so the key that finds the row in the partition finds it in every table above.
//! (If only the partition has a primary key, it may find rows of other partitions beside it.) Not so with
//! inheritance: a child has a primary key of its own or none, and its values mean nothing in the parent. There
//! the parent is nudged as a whole.

use std::collections::{BTreeMap, HashMap};

use indexmap::{IndexMap, IndexSet};
use nudge_decode::{TableFilter, TableRef};
use nudge_proto::Lsn;

use crate::identity::OwnedIdentity;
use crate::policy::truncations::Shared;
use crate::{Event, TableName};

/// Which tables lie above which, as far as the server was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lineage {
    /// By the place of the question (from 1): the table itself, and what lies above it.
    answers: HashMap<usize, Answer>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Answer {
    names: IndexSet<TableName>,
    /// Whether what lies above are partitioned tables. (A table cannot be a partition and a child.)
    partition: bool,
    /// Transactions that wrote what this rests on, if they are young.
    recent: Vec<u32>,
}

impl Lineage {
    /// The table at that place of the question is called so, or one above it is. `partitioned`: it has
    /// partitions, not inheritance children. `recent`: the transactions that wrote that.
    pub fn add(&mut self, place: usize, table: TableName, partitioned: bool, recent: Vec<u32>) {
        let answer = self.answers.entry(place).or_default();
        answer.partition |= partitioned && !answer.names.is_empty();
        answer.names.insert(table);
        answer.recent.extend(recent);
    }

    /// The names that were found at that place: the table's, and those above it.
    pub fn names(&self, place: usize) -> impl Iterator<Item = &TableName> {
        self.answers.get(&place).into_iter().flat_map(|answer| &answer.names)
    }

    /// What lies above `tables`, if that is certain: each of them is found, and `is_old` holds for each
    /// transaction that wrote what was found, and the position since which the table changed. Otherwise a name may
    /// have meant another table when the change was written: the first such is the error. `asked`: the tables in
    /// the order of the question.
    pub fn certain<'a>(
        &self,
        asked: &[TableName],
        tables: &'a BTreeMap<TableName, Lsn>,
        is_old: impl Fn(u32, Lsn) -> bool,
    ) -> Result<Ancestors, &'a TableName> {
        let places: HashMap<_, _> = asked.iter().zip(1..).collect();
        let mut above = HashMap::new();
        for (table, since) in tables {
            let answer = places.get(table).and_then(|place| self.answers.get(place)).ok_or(table)?;
            if !answer.recent.iter().all(|&xid| is_old(xid, *since)) {
                return Err(table);
            }
            let names = answer.names.iter().filter(|name| *name != table);
            let ancestors: Vec<_> =
                names.map(|name| Ancestor { table: name.clone(), keeps_keys: answer.partition }).collect();
            if !ancestors.is_empty() {
                above.insert(table.clone(), ancestors);
            }
        }
        Ok(Ancestors(above))
    }
}

/// The tables above tables, nearest first. A table without any is not among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ancestors(HashMap<TableName, Vec<Ancestor>>);

/// A table above another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Ancestor {
    /// Its name.
    pub table: TableName,
    /// Whether the key of a row below finds that row in it, too.
    pub keeps_keys: bool,
}

impl FromIterator<(TableName, Vec<Ancestor>)> for Ancestors {
    fn from_iter<I: IntoIterator<Item = (TableName, Vec<Ancestor>)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Ancestors {
    /// The tables above a table.
    pub fn of(&self, table: &TableName) -> &[Ancestor] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }
}

/// The events, and those of the tables above them behind each: counts add up, but for a statement that
/// truncated several tables below one, which counts there once; and the earliest sight of a partition is
/// that of its root. Of these the ones that `filter` lets through.
pub fn expand(
    events: Vec<Event>,
    mut above: impl FnMut(&TableName) -> Vec<Ancestor>,
    filter: &TableFilter,
) -> Vec<Event> {
    let mut all: IndexMap<OwnedIdentity, Event> = IndexMap::with_capacity(events.len());
    for event in events {
        let ancestors = above(&event.table);
        let of_ancestors = ancestors.into_iter().map(|Ancestor { table, keeps_keys }| {
            let key = event.key.clone().filter(|_| keeps_keys);
            Event { table, key, ..event.clone() }
        });
        for event in std::iter::once(event.clone()).chain(of_ancestors) {
            if matches(filter, &event.table) {
                let merge = |mine: &mut Event| {
                    mine.count += event.count.saturating_sub(mine.shared.join(&event.shared));
                    mine.first_seen = mine.first_seen.min(event.first_seen);
                };
                let identity = OwnedIdentity { table: event.table.clone(), key: event.key.clone() };
                all.entry(identity).and_modify(merge).or_insert_with(|| event.clone());
            }
        }
    }
    all.into_values().map(|event| Event { shared: Shared::default(), ..event }).collect()
}

fn matches(filter: &TableFilter, table: &TableName) -> bool {
    filter.matches(&TableRef { schema: table.schema().into(), table: table.table().into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use std::time::{Duration, SystemTime};

    fn event(table: &str, seconds: u64, count: u64) -> Event {
        let first_seen = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Event::new(TableName::new("s", table), first_seen, count)
    }

    fn ancestors(pairs: &[(&str, &[&str])], keeps_keys: bool) -> Ancestors {
        let ancestor = |name: &&str| Ancestor { table: TableName::new("s", name), keeps_keys };
        let above = |names: &[&str]| names.iter().map(ancestor).collect();
        pairs.iter().map(|(table, names)| (TableName::new("s", table), above(names))).collect()
    }

    fn check(filter: &[&str], expect: &[(&str, u64, u64)]) {
        let ancestors = ancestors(&[("leaf1", &["root"]), ("leaf2", &["middle", "root"])], true);
        let filter =
            filter.iter().map(|pattern| pattern.parse::<nudge_decode::TablePattern>().unwrap()).collect();
        let events = vec![event("plain", 4, 1), event("leaf1", 5, 2), event("leaf2", 3, 10)];
        let expanded = expand(events, |table| ancestors.of(table).to_vec(), &filter);
        let expect: Vec<_> = expect.iter().map(|&(table, seen, count)| event(table, seen, count)).collect();
        assert_eq!(expanded, expect, "{filter:?}");
    }

    /// What the server answers about `leaf`, at the first place, and `plain`, at the second.
    fn lineage(partitioned: bool) -> Lineage {
        let mut lineage = Lineage::default();
        let name = |table| TableName::new("s", table);
        lineage.add(1, name("leaf"), false, vec![]);
        lineage.add(1, name("root"), partitioned, vec![701, 702]);
        lineage.add(2, name("plain"), false, vec![703]);
        lineage
    }

    /// Tables in the order of the question, and where the first transaction of each began.
    fn tables(tables: &[(&str, u64)]) -> (Vec<TableName>, BTreeMap<TableName, Lsn>) {
        let table = |&(name, since): &(&str, u64)| (TableName::new("s", name), Lsn::new(since));
        let tables: Vec<_> = tables.iter().map(table).collect();
        (tables.iter().map(|(table, _)| table.clone()).collect(), tables.into_iter().collect())
    }

    #[test]
    fn what_lies_above_is_certain_if_the_catalog_was_written_before() {
        let (asked, tables) = tables(&[("leaf", 10), ("plain", 20)]);
        for (written_before, uncertain) in
            [(704, None), (703, Some("plain")), (702, Some("leaf")), (700, Some("leaf"))]
        {
            let certain = lineage(true).certain(&asked, &tables, |xid, _| xid < written_before);
            assert_eq!(certain.err().map(TableName::table), uncertain, "{written_before}");
        }
        let certain = lineage(true).certain(&asked, &tables, |_, _| true).unwrap();
        assert_eq!(certain, ancestors(&[("leaf", &["root"])], true));
    }

    #[test]
    fn r7_a_table_is_judged_by_its_own_first_transaction() {
        let (asked, tables) = tables(&[("leaf", 10), ("plain", 20)]);
        for (written_before, uncertain) in [(9, None), (10, Some("leaf")), (19, Some("leaf"))] {
            // What was written about both of them was written at that position.
            let certain = lineage(true).certain(&asked, &tables, |_, since| written_before < since.get());
            assert_eq!(certain.err().map(TableName::table), uncertain, "{written_before}");
        }
    }

    /// It was renamed, moved or dropped.
    #[test]
    fn a_table_that_is_not_found_is_not_certain() {
        let (asked, tables) = tables(&[("leaf", 1), ("plain", 1), ("zone", 1)]);
        assert_eq!(lineage(true).certain(&asked, &tables, |_, _| true), Err(&asked[2]));
    }

    #[test]
    fn an_inheritance_parent_is_nudged_as_a_whole() {
        let (asked, tables) = tables(&[("leaf", 1)]);
        for partitioned in [true, false] {
            let certain = lineage(partitioned).certain(&asked, &tables, |_, _| true).unwrap();
            assert_eq!(certain.of(&asked[0])[0].keeps_keys, partitioned);
        }
    }

    #[test]
    fn a_change_in_a_partition_is_one_in_every_table_above() {
        check(&[], &[("plain", 4, 1), ("leaf1", 5, 2), ("root", 3, 12), ("leaf2", 3, 10), ("middle", 3, 10)]);
    }

    #[test]
    fn who_filters_on_the_parent_gets_the_parents_events_only() {
        check(&["s.root"], &[("root", 3, 12)]);
        check(&["s.middle", "*.leaf1"], &[("leaf1", 5, 2), ("middle", 3, 10)]);
        check(&["s.nothing"], &[]);
    }
    /// A row that moved: deleted here, inserted there. In the table above that is one row.
    #[test]
    fn rows_keep_their_keys_in_the_tables_above() {
        let value = nudge_decode::KeyValue::Integer(7);
        let columns = vec![nudge_decode::KeyColumn { name: "id".into(), value }];
        let key = nudge_decode::Key::new(columns).and_then(|key| Key::keep(&key));
        let row = |leaf| Event { key: key.clone(), ..event(leaf, 1, 1) };
        let events = vec![row("leaf1"), row("leaf2"), event("leaf2", 1, 1)];
        let told = |keeps_keys| {
            let ancestors = ancestors(&[("leaf1", &["root"]), ("leaf2", &["root"])], keeps_keys);
            let expanded =
                expand(events.clone(), |table| ancestors.of(table).to_vec(), &TableFilter::default());
            expanded.iter().map(|event| (event.payload().into_owned(), event.count)).collect::<Vec<_>>()
        };
        let expected = [("s.leaf1:7", 1), ("s.root:7", 2), ("s.leaf2:7", 1), ("s.leaf2", 1), ("s.root", 1)];
        assert_eq!(told(true), expected.map(|(payload, count)| (payload.into(), count)));
        let expected = [("s.leaf1:7", 1), ("s.root", 3), ("s.leaf2:7", 1), ("s.leaf2", 1)];
        assert_eq!(told(false), expected.map(|(payload, count)| (payload.into(), count)));
    }
}
