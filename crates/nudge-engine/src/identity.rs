//! What changes are told apart by: the table, and with the payload `pk` the row.

use std::hash::{Hash, Hasher};

use nudge_decode::Identity;

use crate::table_name::Borrowed;
use crate::{Key, TableName};

/// A table, or with `key` one row of it: what an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedIdentity {
    pub(crate) table: TableName,
    pub(crate) key: Option<Key>,
}

/// A key that is too long to be kept is left out: coarser, never wrong.
impl From<&Identity<'_>> for OwnedIdentity {
    fn from(identity: &Identity<'_>) -> Self {
        Self { table: (&identity.table).into(), key: identity.key.as_ref().and_then(Key::keep) }
    }
}

/// As `BorrowedIdentity` hashes. Without a key that costs what a table costs.
impl Hash for OwnedIdentity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.table.hash(state);
        if let Some(key) = &self.key {
            key.hash(state);
        }
    }
}

/// To look an [`OwnedIdentity`] up by what the plugin printed, without owning that.
pub(crate) struct BorrowedIdentity<'a>(pub(crate) &'a Identity<'a>);

impl Hash for BorrowedIdentity<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrowed(&self.0.table).hash(state);
        if let Some(key) = &self.0.key {
            key.hash(state);
        }
    }
}

impl indexmap::Equivalent<OwnedIdentity> for BorrowedIdentity<'_> {
    fn equivalent(&self, owned: &OwnedIdentity) -> bool {
        let same_row = match (&self.0.key, &owned.key) {
            (None, None) => true,
            (Some(mine), Some(other)) => other.is(mine),
            _ => false,
        };
        same_row && Borrowed(&self.0.table).equivalent(&owned.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indexmap::IndexSet;
    use nudge_decode::{KeyColumn, KeyValue, TableRef};

    fn identity(values: Vec<KeyValue<'static>>) -> Identity<'static> {
        let columns = values.into_iter().map(|value| KeyColumn { name: "id".into(), value });
        Identity { table: TableRef::new("s", "t"), key: nudge_decode::Key::new(columns.collect()) }
    }

    /// Every pair of these is different, and each finds itself.
    #[test]
    fn what_is_borrowed_finds_what_is_owned() {
        let text = |text: &'static str| KeyValue::Text(text.into());
        let all = [
            identity(vec![]),
            identity(vec![KeyValue::Integer(1)]),
            identity(vec![KeyValue::Bool(true)]),
            identity(vec![KeyValue::Number("1".into())]),
            identity(vec![text("1")]),
            identity(vec![text("1,1")]),
            identity(vec![text("1"), text("1")]),
            identity(vec![text("")]),
        ];
        let owned: IndexSet<OwnedIdentity> = all.iter().map(OwnedIdentity::from).collect();
        assert_eq!(owned.len(), all.len());
        for (index, identity) in all.iter().enumerate() {
            assert_eq!(owned.get_index_of(&BorrowedIdentity(identity)), Some(index), "{identity}");
        }
    }

    #[test]
    fn a_key_that_is_too_long_is_its_table() {
        let kept = |bytes| OwnedIdentity::from(&identity(vec![KeyValue::Text("k".repeat(bytes).into())])).key;
        let longest = Key::LONGEST - "id".len();
        assert!(kept(longest).is_some());
        assert!(kept(longest + 1).is_none());
    }
}
