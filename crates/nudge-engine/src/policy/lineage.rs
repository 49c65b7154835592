//! Partitions under their root.
//!
//! A row of a partitioned table is decoded under the name of the partition that holds it. Who watches
//! the table above would hear nothing; so a change in a partition is a change in every partitioned
//! table above it, by name (knob `partition_root`).
//!
//! The key of a row goes with it. A partition has all columns of the tables above it, and their primary
//! key if they have one; so the key that finds the row in the partition finds it in every table above.
//! (If only the partition has a primary key, it may find rows of other partitions beside it.)

use std::collections::HashMap;

use indexmap::IndexMap;
use nudge_decode::{TableFilter, TableRef};

use crate::identity::OwnedIdentity;
use crate::policy::truncations::Shared;
use crate::{Event, TableName};

/// Which tables lie above which, as far as it was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lineage {
    above: HashMap<TableName, Vec<TableName>>,
}

impl Lineage {
    /// `table` is a partition, at some depth, of `ancestor`.
    pub fn add(&mut self, table: TableName, ancestor: TableName) {
        self.above.entry(table).or_default().push(ancestor);
    }

    /// The tables above a table.
    pub fn above(&self, table: &TableName) -> &[TableName] {
        self.above.get(table).map_or(&[], Vec::as_slice)
    }
}

/// The events, and those of the tables above them behind each: counts add up, but for a statement that
/// truncated several tables below one, which counts there once; and the earliest sight of a partition is
/// that of its root. Of these the ones that `filter` lets through.
pub fn expand(
    events: Vec<Event>,
    mut above: impl FnMut(&TableName) -> Vec<TableName>,
    filter: &TableFilter,
) -> Vec<Event> {
    let mut all: IndexMap<OwnedIdentity, Event> = IndexMap::with_capacity(events.len());
    for event in events {
        let ancestors = above(&event.table);
        let of_ancestors = ancestors.into_iter().map(|table| Event { table, ..event.clone() });
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

    fn check(filter: &[&str], expect: &[(&str, u64, u64)]) {
        let mut lineage = Lineage::default();
        for (table, ancestor) in [("leaf1", "root"), ("leaf2", "middle"), ("leaf2", "root")] {
            lineage.add(TableName::new("s", table), TableName::new("s", ancestor));
        }
        let filter =
            filter.iter().map(|pattern| pattern.parse::<nudge_decode::TablePattern>().unwrap()).collect();
        let events = vec![event("plain", 4, 1), event("leaf1", 5, 2), event("leaf2", 3, 10)];
        let expanded = expand(events, |table| lineage.above(table).to_vec(), &filter);
        let expect: Vec<_> = expect.iter().map(|&(table, seen, count)| event(table, seen, count)).collect();
        assert_eq!(expanded, expect, "{filter:?}");
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
        let mut lineage = Lineage::default();
        for leaf in ["leaf1", "leaf2"] {
            lineage.add(TableName::new("s", leaf), TableName::new("s", "root"));
        }
        let value = nudge_decode::KeyValue::Integer(7);
        let columns = vec![nudge_decode::KeyColumn { name: "id".into(), value }];
        let key = nudge_decode::Key::new(columns).and_then(|key| Key::keep(&key));
        let row = |leaf| Event { key: key.clone(), ..event(leaf, 1, 1) };
        let events = vec![row("leaf1"), row("leaf2"), event("leaf2", 1, 1)];
        let expanded = expand(events, |table| lineage.above(table).to_vec(), &TableFilter::default());
        let told: Vec<_> = expanded.iter().map(|event| (event.payload(), event.count)).collect();
        let expected = [("s.leaf1:7", 1), ("s.root:7", 2), ("s.leaf2:7", 1), ("s.leaf2", 1), ("s.root", 1)];
        assert_eq!(told, expected.map(|(payload, count)| (payload.into(), count)));
    }
}
