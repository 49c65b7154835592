//! The one identity of a table, whatever the plugin that printed it.

use alloc::borrow::Cow;
use core::fmt;

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

/// The same, borrowed.
impl<'a> From<&'a TableRef<'_>> for TableRef<'a> {
    fn from(table: &'a TableRef<'_>) -> Self {
        Self::new(&*table.schema, &*table.table)
    }
}

/// `schema.table`, raw: the payload text of an event. It is for people; a name may hold a dot.
impl fmt::Display for TableRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}
