//! Which tables a feed is about.

use crate::{TablePattern, TableRef};
use alloc::vec::Vec;

/// Any of several patterns; without a pattern, every table.
///
/// Collects from patterns, so that the first bad one is the error:
/// ```
/// use nudge_decode::{PatternError, TableFilter};
///
/// let filter = ["public.orders", "audit.*"].iter().map(|text| text.parse());
/// let filter: TableFilter = filter.collect::<Result<_, PatternError>>()?;
/// # Ok::<(), PatternError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableFilter {
    patterns: Vec<TablePattern>,
}

impl TableFilter {
    /// Whether the feed is about `table`.
    pub fn matches(&self, table: &TableRef<'_>) -> bool {
        self.is_empty() || self.patterns.iter().any(|pattern| pattern.names(table))
    }

    /// Whether one of the patterns names every table that `pattern` names.
    pub fn covers(&self, pattern: &TablePattern) -> bool {
        self.is_empty() || self.patterns.iter().any(|own| own.covers(pattern))
    }

    /// No pattern: every table matches.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns in the order given.
    pub fn patterns(&self) -> &[TablePattern] {
        &self.patterns
    }
}

impl FromIterator<TablePattern> for TableFilter {
    fn from_iter<I: IntoIterator<Item = TablePattern>>(patterns: I) -> Self {
        Self { patterns: patterns.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(patterns: &[&str]) -> TableFilter {
        patterns.iter().map(|text| text.parse::<TablePattern>().unwrap()).collect()
    }

    fn table<'a>(schema: &'a str, table: &'a str) -> TableRef<'a> {
        TableRef::new(schema, table)
    }

    #[test]
    fn one_matching_pattern_is_enough() {
        let filter = filter(&["public.orders", "audit.*"]);
        assert!(filter.matches(&table("public", "orders")));
        assert!(filter.matches(&table("audit", "log")));
        assert!(!filter.matches(&table("public", "log")));
    }

    #[test]
    fn no_pattern_is_every_table() {
        assert!(TableFilter::default().is_empty());
        assert!(TableFilter::default().matches(&table("public", "orders")));
        assert!(!filter(&["*.*"]).is_empty());
    }

    #[test]
    fn one_pattern_covers_another_alone() {
        let covers = |patterns: &[&str], other: &str| filter(patterns).covers(&other.parse().unwrap());
        assert!(covers(&[], "*.*") && covers(&["a.t", "b.*"], "b.t"));
        assert!(!covers(&["a.t", "b.*"], "a.*") && !covers(&["a.t", "a.u"], "a.*"));
    }
}
