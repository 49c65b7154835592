//! A copy of tables, and how two copies differ.

use std::collections::BTreeMap;
use std::fmt;

/// The rows of each table, as texts in order. A table that it does not have is an empty one, unless it is a cache: then
/// it is a miss, which is never wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Copy {
    tables: BTreeMap<String, Vec<String>>,
    is_cache: bool,
}

/// A table of which two copies differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) table: String,
    /// Rows that ought to be there.
    pub(crate) missing: Vec<String>,
    /// Rows that ought not.
    pub(crate) surplus: Vec<String>,
}

impl Copy {
    /// What a cache has, without an entry so far.
    pub(crate) fn cache() -> Self {
        Self { is_cache: true, ..Self::default() }
    }

    /// Puts these tables in the place of what it had of them.
    pub(crate) fn replace(&mut self, tables: Self) {
        self.tables.extend(tables.tables);
    }

    /// A table without rows so far.
    pub(crate) fn add_table(&mut self, table: String) {
        self.tables.insert(table, Vec::new());
    }

    /// Rows have to come in order.
    pub(crate) fn add_row(&mut self, table: &str, row: String) {
        if let Some(rows) = self.tables.get_mut(table) {
            rows.push(row);
        }
    }

    /// The rows of a table.
    pub(crate) fn rows(&self, table: &str) -> &[String] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// How many tables it has.
    pub(crate) fn len(&self) -> usize {
        self.tables.len()
    }

    /// In which tables it is not as `expected`. What is not expected at all is a table that is gone: DDL is not
    /// decoded, so a copy may keep it.
    pub(crate) fn differences(&self, expected: &Self) -> Vec<Difference> {
        let differing = expected.tables.keys().filter(|table| self.rows(table) != expected.rows(table));
        let differing = differing.filter(|table| !self.is_cache || self.tables.contains_key(*table));
        let difference = |table: &String| Difference {
            table: table.clone(),
            missing: without(expected.rows(table), self.rows(table)),
            surplus: without(self.rows(table), expected.rows(table)),
        };
        differing.map(difference).collect()
    }
}

/// The rows that `others` does not have, or not as often.
fn without(rows: &[String], others: &[String]) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for row in others {
        *left.entry(row).or_default() += 1;
    }
    let here = |row: &&String| match left.get_mut(row.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    rows.iter().filter(here).cloned().collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, missing, surplus } = self;
        let shown = |rows: &[String]| format!("{} rows {:?}", rows.len(), &rows[..rows.len().min(3)]);
        write!(
            f,
            "{table}: expected and not there {}; there and not expected {}",
            shown(missing),
            shown(surplus)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(tables: &[(&str, &[&str])]) -> Copy {
        let mut copy = Copy::default();
        for (table, rows) in tables {
            copy.add_table((*table).to_owned());
            rows.iter().for_each(|row| copy.add_row(table, (*row).to_owned()));
        }
        copy
    }

    #[test]
    fn a_miss_is_not_wrong_and_an_empty_entry_may_be() {
        let expected = copy(&[("a", &["1"])]);
        let mut cache = Copy::cache();
        assert!(cache.differences(&expected).is_empty());
        cache.replace(copy(&[("a", &[])]));
        assert_eq!(cache.differences(&expected).len(), 1);
    }

    #[test]
    fn a_table_that_is_not_there_is_an_empty_one() {
        assert!(copy(&[("a", &[])]).differences(&copy(&[("b", &[])])).is_empty());
    }

    #[test]
    fn differences_name_the_rows_and_how_often() {
        let (mine, theirs) = (
            copy(&[("a", &["1", "2", "2"]), ("c", &["x"]), ("gone", &["x"])]),
            copy(&[("a", &["1", "2", "3"]), ("b", &["y"]), ("c", &[])]),
        );
        let seen: Vec<_> = mine.differences(&theirs).iter().map(ToString::to_string).collect();
        let text = |table, missing: &[&str], surplus: &[&str]| {
            let [missing, surplus] =
                [missing, surplus].map(|rows| rows.iter().map(|&r| r.to_owned()).collect());
            Difference { table: String::from(table), missing, surplus }.to_string()
        };
        assert_eq!(seen, [text("a", &["3"], &["2"]), text("b", &["y"], &[]), text("c", &[], &["x"])]);
    }

    #[test]
    fn what_is_fetched_replaces_what_was_there() {
        let mut mine = copy(&[("a", &["1"]), ("b", &["1"])]);
        mine.replace(copy(&[("a", &[])]));
        assert!(mine.differences(&copy(&[("b", &["1"])])).is_empty());
    }
}
