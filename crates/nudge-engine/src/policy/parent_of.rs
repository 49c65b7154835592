//! Parents that the program names itself (knob `parent_of`).
//!
//! Not everything that belongs to a table is a partition of it to the server: TimescaleDB keeps the rows of
//! a hypertable in tables of their own, and PostgreSQL knows those as plain tables. A callback of the program
//! may say so; then a change of the one is also a change of the other, as with partitions (see [`Ancestors`]).
//!
//! The callback is the program's code. It is asked when an item goes out, about each name once per item, in
//! the task that takes the items and outside of any lock.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::TableName;
use crate::policy::lineage::{Ancestor, Ancestors};

/// The callback.
#[derive(Clone)]
pub struct ParentOf(Arc<Callback>);

type Callback = dyn Fn(&TableName) -> Option<TableName> + Send + Sync;

impl ParentOf {
    /// `parent`: the table that a table belongs to, if there is one.
    pub fn new(parent: impl Fn(&TableName) -> Option<TableName> + Send + Sync + 'static) -> Self {
        Self(Arc::new(parent))
    }

    /// So many parents lie above a table at most, those that the server knows left out of account: a
    /// callback that always has another answer comes to an end.
    pub const HIGHEST: usize = 16;
}

/// A callback is equal to itself only.
impl PartialEq for ParentOf {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ParentOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParentOf(..)")
    }
}

/// What lies above the tables of one item: what the server has told, and what the program says of that.
#[derive(Debug)]
pub struct Above<'a> {
    ancestors: &'a Ancestors,
    parent_of: Option<&'a ParentOf>,
    /// What the callback has said: many rows may be of one table, and many tables below one.
    said: HashMap<TableName, Option<TableName>>,
}

impl<'a> Above<'a> {
    /// For one item.
    pub fn new(ancestors: &'a Ancestors, parent_of: Option<&'a ParentOf>) -> Self {
        Self { ancestors, parent_of, said: HashMap::new() }
    }

    /// The tables above a table, each once and never itself: those that the server knows, nearest first,
    /// and then the parents that the callback has for the table and for each of these, and their parents.
    pub fn of(&mut self, table: &TableName) -> Vec<Ancestor> {
        let mut above = self.ancestors.of(table).to_vec();
        let starts: Vec<_> =
            std::iter::once(table.clone()).chain(above.iter().map(|a| a.table.clone())).collect();
        let highest = above.len() + ParentOf::HIGHEST;
        for start in starts {
            let mut parent = self.parent(&start);
            while let Some(table) = parent.filter(|name| name != table) {
                // The program says that rows keep their keys in it.
                if let Some(known) = above.iter_mut().find(|ancestor| ancestor.table == table) {
                    known.keeps_keys = true;
                    break;
                }
                if above.len() == highest {
                    return above;
                }
                parent = self.parent(&table);
                above.push(Ancestor { table, keeps_keys: true });
            }
        }
        above
    }

    fn parent(&mut self, table: &TableName) -> Option<TableName> {
        let ParentOf(callback) = self.parent_of?;
        if let Some(said) = self.said.get(table) {
            return said.clone();
        }
        let parent = callback(table);
        self.said.insert(table.clone(), parent.clone());
        parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::sync::Mutex;

    fn name(table: &str) -> TableName {
        TableName::new("s", table)
    }

    fn parents(pairs: &[(&str, &str)]) -> ParentOf {
        let pairs: HashMap<_, _> = pairs.iter().map(|&(table, parent)| (name(table), name(parent))).collect();
        ParentOf::new(move |table| pairs.get(table).cloned())
    }

    fn ancestors(pairs: impl Iterator<Item = (TableName, TableName)>) -> Ancestors {
        let mut above: HashMap<TableName, Vec<Ancestor>> = HashMap::new();
        for (table, ancestor) in pairs {
            above.entry(table).or_default().push(Ancestor { table: ancestor, keeps_keys: true });
        }
        above.into_iter().collect()
    }

    fn check(known: &[(&str, &str)], named: &[(&str, &str)], table: &str, expect: &[&str]) {
        let ancestors = ancestors(known.iter().map(|(table, above)| (name(table), name(above))));
        let parent_of = parents(named);
        let above = Above::new(&ancestors, Some(&parent_of)).of(&name(table));
        let above: Vec<_> = above.into_iter().map(|ancestor| ancestor.table).collect();
        assert_eq!(above, expect.iter().map(|table| name(table)).collect::<Vec<_>>(), "{known:?} {named:?}");
    }

    #[test]
    fn parents_have_parents() {
        check(&[], &[("chunk", "hyper"), ("hyper", "all")], "chunk", &["hyper", "all"]);
        check(&[], &[("chunk", "hyper")], "other", &[]);
    }

    #[test]
    fn a_circle_ends_where_it_began() {
        check(&[], &[("a", "a")], "a", &[]);
        check(&[], &[("a", "b"), ("b", "a")], "a", &["b"]);
        check(&[], &[("a", "b"), ("b", "c"), ("c", "b")], "a", &["b", "c"]);
    }

    #[test]
    fn what_the_server_knows_has_parents_too() {
        let known = [("leaf", "middle"), ("leaf", "root")];
        check(&known, &[("root", "all")], "leaf", &["middle", "root", "all"]);
        check(&known, &[("leaf", "root"), ("root", "all")], "leaf", &["middle", "root", "all"]);
        check(&known, &[("leaf", "x"), ("middle", "y")], "leaf", &["middle", "root", "x", "y"]);
        check(&known, &[], "leaf", &["middle", "root"]);
    }

    #[test]
    fn a_callback_that_always_has_an_answer_comes_to_an_end() {
        let longer = ParentOf::new(|table| Some(name(&format!("{}x", table.table()))));
        let ancestors = Ancestors::default();
        assert_eq!(Above::new(&ancestors, Some(&longer)).of(&name("t")).len(), ParentOf::HIGHEST);
    }

    #[test]
    fn debug_is_short_and_a_callback_equals_itself_only() {
        let (one, other) = (parents(&[]), parents(&[]));
        assert_eq!(format!("{one:?}"), "ParentOf(..)");
        assert!(one == one.clone() && one != other);
    }

    proptest! {
        /// Whatever the callback says: every table above is told once, and the callback is asked once.
        #[test]
        fn each_name_is_asked_for_and_told_once(
            named in prop::collection::hash_map(0..12_u8, 0..12_u8, 0..12),
            known in prop::collection::hash_set((0..4_u8, 12..16_u8), 0..8),
        ) {
            let table = |number: u8| name(&number.to_string());
            let asked = Arc::new(Mutex::new(Vec::new()));
            let parent_of = ParentOf::new({
                let asked = Arc::clone(&asked);
                let named: HashMap<_, _> =
                    named.iter().map(|(&below, &above)| (table(below), table(above))).collect();
                move |table| {
                    asked.lock().unwrap().push(table.clone());
                    named.get(table).cloned()
                }
            });
            let ancestors = ancestors(known.iter().map(|&(below, above)| (table(below), table(above))));
            let mut above = Above::new(&ancestors, Some(&parent_of));
            for row in (0..12).chain(0..12).map(table) {
                let above: Vec<_> = above.of(&row).into_iter().map(|ancestor| ancestor.table).collect();
                let distinct: HashSet<_> = above.iter().collect();
                prop_assert_eq!(distinct.len(), above.len());
                prop_assert!(!above.contains(&row));
            }
            let asked = asked.lock().unwrap();
            prop_assert_eq!(asked.iter().collect::<HashSet<_>>().len(), asked.len());
        }
    }
}
