//! How a user names tables: `schema.table`, either of them `*` for any.
//!
//! Names are written as in SQL (PostgreSQL manual, 4.1.1 "Identifiers and Key Words"), except
//! that a bare upper-case letter is refused: SQL would take it for lower case in silence, and
//! a feed that waits for the wrong table is silent as well.

use crate::{
    PatternError, PatternFault, TableRef,
    sql_identifier::{ClosingQuote, Quoted},
};
use alloc::{boxed::Box, string::String};
use core::{fmt, str::FromStr};

/// `schema.table`, `schema.*`, `*.table` or `*.*`.
///
/// Bare names consist of `a-z`, `0-9`, `_`, `$` and anything beyond ASCII; others stand in
/// double quotes, which are doubled within: `public."say ""hi"""`. `*` in quotes is a name.
/// Reads with [`FromStr`] and writes itself so that it reads back the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TablePattern {
    schema: Part,
    table: Part,
}

/// One side of the dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Part {
    Any,
    Name(Box<str>),
}

impl TablePattern {
    /// Whether the pattern names the table.
    pub fn matches<'a>(&self, table: impl Into<TableRef<'a>>) -> bool {
        self.names(&table.into())
    }

    /// Whether it names every table that `other` names.
    pub fn covers(&self, other: &Self) -> bool {
        self.table.covers(&other.table) && self.schema.covers(&other.schema)
    }

    pub(crate) fn names(&self, table: &TableRef<'_>) -> bool {
        self.table.matches(&table.table) && self.schema.matches(&table.schema)
    }

    /// The schema's name, or `None` for any.
    pub fn schema(&self) -> Option<&str> {
        self.schema.name()
    }

    /// The table's name, or `None` for any.
    pub fn table(&self) -> Option<&str> {
        self.table.name()
    }

    /// The one table that the pattern names, if it names one.
    pub(crate) fn into_table(self) -> Option<TableRef<'static>> {
        match (self.schema, self.table) {
            (Part::Name(schema), Part::Name(table)) => {
                Some(TableRef::new(schema.into_string(), table.into_string()))
            }
            _ => None,
        }
    }
}

/// The pattern that names this table alone.
impl From<&TableRef<'_>> for TablePattern {
    fn from(table: &TableRef<'_>) -> Self {
        let name = |name: &str| Part::Name(name.into());
        Self { schema: name(&table.schema), table: name(&table.table) }
    }
}

/// A schema and a table, exactly: nothing in them is special.
impl From<(&str, &str)> for TablePattern {
    fn from((schema, table): (&str, &str)) -> Self {
        Self::from(&TableRef::new(schema, table))
    }
}

impl From<&Self> for TablePattern {
    fn from(pattern: &Self) -> Self {
        pattern.clone()
    }
}

impl TryFrom<&&str> for TablePattern {
    type Error = PatternError;

    fn try_from(text: &&str) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl TryFrom<&str> for TablePattern {
    type Error = PatternError;

    fn try_from(text: &str) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl TryFrom<&String> for TablePattern {
    type Error = PatternError;

    fn try_from(text: &String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl TryFrom<String> for TablePattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

/// The name of one table, written as a pattern is: the schema and the table, as they are in the catalog.
impl FromStr for TableRef<'static> {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        text.parse::<TablePattern>()?
            .into_table()
            .ok_or_else(|| PatternError::new(text, PatternFault::Wildcard))
    }
}

impl FromStr for TablePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        parse(text).map_err(|fault| PatternError::new(text, fault))
    }
}

impl fmt::Display for TablePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

impl Part {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Any => None,
            Self::Name(name) => Some(name),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        *self == Self::Any || self == other
    }

    fn matches(&self, name: &str) -> bool {
        self.name().is_none_or(|own| own == name)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Name(name) => Quoted(name).fmt(f),
        }
    }
}

fn parse(text: &str) -> Result<TablePattern, PatternFault> {
    if text.contains('\0') {
        return Err(PatternFault::Nul);
    }
    let (schema, rest) = part(text)?;
    let rest = rest.strip_prefix('.').ok_or(PatternFault::MissingSchema)?;
    let (table, rest) = part(rest)?;
    if !rest.is_empty() {
        return Err(PatternFault::TooManyNames);
    }
    Ok(TablePattern { schema, table })
}

/// Reads one side of the dot; what is left is empty or begins with a dot.
fn part(text: &str) -> Result<(Part, &str), PatternFault> {
    let (part, rest) = match text.strip_prefix('"') {
        Some(text) => quoted(text)?,
        None => bare(text)?,
    };
    if part.name() == Some("") {
        return Err(PatternFault::MissingName);
    }
    Ok((part, rest))
}

/// Reads what follows an opening quote.
fn quoted(text: &str) -> Result<(Part, &str), PatternFault> {
    let quote = ClosingQuote::find(text.as_bytes()).ok_or(PatternFault::StrayQuote)?;
    let (inside, rest) = text.split_at(quote.at);
    let name = quote.undouble(inside.into());
    match rest.strip_prefix('"') {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => Ok((Part::Name(name.into()), rest)),
        _ => Err(PatternFault::StrayQuote),
    }
}

/// Reads a name without quotes, or `*`.
fn bare(text: &str) -> Result<(Part, &str), PatternFault> {
    let (name, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    if name == "*" {
        return Ok((Part::Any, rest));
    }
    let is_bare = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '$') || !c.is_ascii();
    match name.chars().find(|character| !is_bare(*character)) {
        Some(character) => Err(PatternFault::NeedsQuotes { character, name: name.into() }),
        None => Ok((Part::Name(name.into()), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn reads(text: &str, schema: Option<&str>, table: Option<&str>) {
        let pattern: TablePattern = text.parse().unwrap();
        assert_eq!((pattern.schema(), pattern.table()), (schema, table), "{text}");
    }

    #[test]
    fn reads_names_and_wildcards() {
        reads("public.orders", Some("public"), Some("orders"));
        reads("public.*", Some("public"), None);
        reads("*.orders", None, Some("orders"));
        reads("*.*", None, None);
        reads("public.2024_käse$", Some("public"), Some("2024_käse$"));
    }

    #[test]
    fn quotes_take_every_character_literally() {
        reads(r#""We.ird".orders"#, Some("We.ird"), Some("orders"));
        reads(r#"public."say ""hi""""#, Some("public"), Some(r#"say "hi""#));
        reads(r#""*"."*""#, Some("*"), Some("*"));
        reads("\"a\nb\".c", Some("a\nb"), Some("c"));
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["public.orders", "*.*", r#""Say ""hi""".*"#, r#"*."*""#] {
            assert_eq!(text.parse::<TablePattern>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_table_is_a_pattern_without_wildcards() {
        let orders: TableRef<'_> = r#""A.b".orders"#.parse().unwrap();
        assert_eq!(orders, TableRef::new("A.b", "orders"));
        assert_eq!(TablePattern::from(&orders).to_string(), r#""A.b".orders"#);
        let many = "public.*".parse::<TableRef<'_>>().unwrap_err();
        assert_eq!(many.fault(), &PatternFault::Wildcard);
    }

    #[test]
    fn covers_what_names_no_other_table() {
        let covers = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| text.parse::<TablePattern>().unwrap());
            one.covers(&other)
        };
        for one in ["s.t", "s.*", "*.t", "*.*"] {
            assert!(covers(one, one) && covers("*.*", one) && covers(one, "s.t"), "{one}");
            assert_eq!(covers(one, "*.*"), one == "*.*");
        }
        assert!(!covers("s.*", "*.t") && !covers("*.t", "s.*") && !covers("s.t", "s.u"));
        assert!(!covers(r#""*".t"#, "s.t") && covers("*.t", r#""*".t"#));
    }

    #[test]
    fn matches_whole_names_only() {
        let orders = TableRef::new("public", "orders");
        let matches = |text: &str| text.parse::<TablePattern>().unwrap().matches(&orders);
        assert!(matches("public.orders") && matches("public.*"));
        assert!(matches("*.orders") && matches("*.*"));
        assert!(!matches("public.order") && !matches("app.orders"));
        assert!(!matches("app.*") && !matches(r#"*."*""#));
    }
}
