//! The one identity of a table, whatever the plugin that printed it.

use alloc::{borrow::Cow, vec::Vec};
use core::{fmt, slice};

/// A table's schema and name as the catalog has them: no quotes, no escapes, case kept.
///
/// Both borrow from the message unless an escape in it forces a copy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableRef<'a> {
    /// The schema's name, never empty.
    pub schema: Cow<'a, str>,
    /// The table's name, never empty.
    pub table: Cow<'a, str>,
}

impl<'a> TableRef<'a> {
    /// A table by its names in the catalog.
    pub fn new(schema: impl Into<Cow<'a, str>>, table: impl Into<Cow<'a, str>>) -> Self {
        Self { schema: schema.into(), table: table.into() }
    }
}

/// `schema.table`, raw: the payload text of an event. It is for people; a name may hold a dot.
impl fmt::Display for TableRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// The tables of one change: one without any allocation, or the several of a TRUNCATE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables<'a>(Few<'a>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Few<'a> {
    One(TableRef<'a>),
    Several(Vec<TableRef<'a>>),
}

impl<'a> Tables<'a> {
    /// `first` and `others`, in this order.
    pub(crate) fn new(first: TableRef<'a>, mut others: Vec<TableRef<'a>>) -> Self {
        if others.is_empty() {
            return Self::from(first);
        }
        others.insert(0, first);
        Self(Few::Several(others))
    }

    /// At least one table, in the order printed.
    pub fn as_slice(&self) -> &[TableRef<'a>] {
        match &self.0 {
            Few::One(table) => slice::from_ref(table),
            Few::Several(tables) => tables,
        }
    }

    /// The tables one by one, in the order printed.
    pub fn iter(&self) -> slice::Iter<'_, TableRef<'a>> {
        self.as_slice().iter()
    }
}

impl<'a> From<TableRef<'a>> for Tables<'a> {
    fn from(table: TableRef<'a>) -> Self {
        Self(Few::One(table))
    }
}

impl<'t, 'a> IntoIterator for &'t Tables<'a> {
    type Item = &'t TableRef<'a>;
    type IntoIter = slice::Iter<'t, TableRef<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
