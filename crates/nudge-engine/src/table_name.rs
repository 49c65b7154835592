//! The name of a table, as events carry it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use nudge_decode::{PatternError, TablePattern, TableRef};

/// A table: schema and name, raw (unquoted, case as it is), the same for every plugin.
///
/// Cloning is cheap. `Display` is `schema.table`, the payload text of an event; that text is for people
/// and for channels that carry text. It need not be parsed: a dot may be part of either name, and
/// [`schema`](Self::schema) and [`table`](Self::table) are always exact.
#[derive(Clone, PartialEq, Eq)]
pub struct TableName {
    /// `schema.table`, in one allocation that all clones share.
    text: Arc<str>,
    /// Bytes of the schema. Invariant: `text[schema]` is the dot between the two names.
    schema: usize,
}

impl TableName {
    /// A name of its two parts.
    pub fn new(schema: &str, table: &str) -> Self {
        Self { text: format!("{schema}.{table}").into(), schema: schema.len() }
    }

    /// The schema's name.
    pub fn schema(&self) -> &str {
        self.text.get(..self.schema).unwrap_or_default()
    }

    /// The table's name, without its schema.
    pub fn table(&self) -> &str {
        self.text.get(self.schema + 1..).unwrap_or_default()
    }

    /// `schema.table`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// By schema, then by table.
impl Ord for TableName {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.schema(), self.table()).cmp(&(other.schema(), other.table()))
    }
}

impl PartialOrd for TableName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<&TableRef<'_>> for TableName {
    fn from(table: &TableRef<'_>) -> Self {
        Self::new(&table.schema, &table.table)
    }
}

impl<S: AsRef<str>, T: AsRef<str>> From<(S, T)> for TableName {
    fn from((schema, table): (S, T)) -> Self {
        Self::new(schema.as_ref(), table.as_ref())
    }
}

/// As a pattern names it: `public.users`, and with what is special in double quotes, `"Odd.Schema".users`. (`Display`
/// is raw, and reads back where nothing is special.)
impl FromStr for TableName {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        text.parse::<TableRef<'_>>().map(|table| Self::from(&table))
    }
}

impl TryFrom<&str> for TableName {
    type Error = PatternError;

    fn try_from(text: &str) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl TryFrom<String> for TableName {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl<'a> From<&'a TableName> for TableRef<'a> {
    fn from(table: &'a TableName) -> Self {
        Self::new(table.schema(), table.table())
    }
}

impl From<&TableName> for TablePattern {
    fn from(table: &TableName) -> Self {
        Self::from(&TableRef::from(table))
    }
}

impl From<TableName> for TablePattern {
    fn from(table: TableName) -> Self {
        Self::from(&table)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableName({:?}.{:?})", self.schema(), self.table())
    }
}

/// Schema and table alone count, so that a table can be looked up without owning its name.
impl Hash for TableName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(self.schema(), self.table(), state);
    }
}

/// A key to look a [`TableName`] up by.
pub(crate) struct Borrowed<'a>(pub(crate) &'a TableRef<'a>);

impl Hash for Borrowed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0.schema, &self.0.table, state);
    }
}

impl indexmap::Equivalent<TableName> for Borrowed<'_> {
    fn equivalent(&self, key: &TableName) -> bool {
        self.0.schema == key.schema() && self.0.table == key.table()
    }
}

fn hash<H: Hasher>(schema: &str, table: &str, state: &mut H) {
    schema.hash(state);
    table.hash(state);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_a_pattern_is() {
        let odd: TableName = r#""Odd.Schema".users"#.parse().unwrap();
        assert_eq!(odd, TableName::from(("Odd.Schema", "users")));
        assert_eq!(TablePattern::from(&odd).to_string(), r#""Odd.Schema".users"#);
        assert!(TablePattern::from(&odd).matches(&odd));
        assert!(["public.*", "users", "public.Users"].iter().all(|text| text.parse::<TableName>().is_err()));
    }

    #[test]
    fn dots_in_names_do_not_blur_the_parts() {
        let (left, right) = (TableName::new("a.b", "c"), TableName::new("a", "b.c"));
        assert_eq!(left.to_string(), right.to_string());
        assert_ne!(left, right);
        assert_eq!((left.schema(), left.table()), ("a.b", "c"));
        assert_eq!((right.schema(), right.table()), ("a", "b.c"));
    }
}
