//! What a change is a change of: a table, or one row of it.

use crate::{Key, TableRef};
use alloc::{vec, vec::Vec};
use core::{fmt, slice};

/// A table, or with `key` one row of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity<'a> {
    /// The table.
    pub table: TableRef<'a>,
    /// The row's primary key, if it was asked for and could be told; else any row may be meant.
    pub key: Option<Key<'a>>,
}

impl<'a> From<TableRef<'a>> for Identity<'a> {
    fn from(table: TableRef<'a>) -> Self {
        Self { table, key: None }
    }
}

/// `schema.table`, or `schema.table:key`: the payload text of an event.
impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)?;
        self.key.iter().try_for_each(|key| write!(f, ":{key}"))
    }
}

/// The identities of one change: one; two for an UPDATE that changes the key; the several of a
/// TRUNCATE, as far as one message has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identities<'a>(Few<'a>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Few<'a> {
    One(Identity<'a>),
    Several(Vec<Identity<'a>>),
    Truncated(Vec<Identity<'a>>),
}

impl<'a> Identities<'a> {
    /// `first` and `others`, in this order.
    pub(crate) fn new(first: Identity<'a>, mut others: Vec<Identity<'a>>) -> Self {
        if others.is_empty() {
            return Self::from(first);
        }
        others.insert(0, first);
        Self(Few::Several(others))
    }

    /// The same table, but only its row with this key, and the one with the key that it was
    /// `changed` to.
    pub(crate) fn with_key(self, key: Key<'a>, changed: Option<Key<'a>>) -> Self {
        let Self(Few::One(Identity { table, .. })) = self else { return self };
        let Some(changed) = changed else { return Identity { table, key: Some(key) }.into() };
        let changed = Identity { table: table.clone(), key: Some(changed) };
        Self(Few::Several(vec![Identity { table, key: Some(key) }, changed]))
    }

    /// The same tables, truncated by one statement.
    #[must_use]
    pub fn truncated(self) -> Self {
        Self(Few::Truncated(match self.0 {
            Few::One(identity) => vec![identity],
            Few::Several(identities) | Few::Truncated(identities) => identities,
        }))
    }

    /// Whether these are tables that one statement truncated. [`Plugin::TestDecoding`] prints all of them
    /// in one message, [`Plugin::Wal2Json`] each in one, and all messages of the statement come with the
    /// same position of the log.
    ///
    /// [`Plugin::TestDecoding`]: crate::Plugin::TestDecoding
    /// [`Plugin::Wal2Json`]: crate::Plugin::Wal2Json
    pub fn is_truncation(&self) -> bool {
        matches!(self.0, Few::Truncated(_))
    }

    /// At least one identity, in the order printed, an old key before the new one.
    pub fn as_slice(&self) -> &[Identity<'a>] {
        match &self.0 {
            Few::One(identity) => slice::from_ref(identity),
            Few::Several(identities) | Few::Truncated(identities) => identities,
        }
    }

    /// The identities one by one, in the order of [`as_slice`](Self::as_slice).
    pub fn iter(&self) -> slice::Iter<'_, Identity<'a>> {
        self.as_slice().iter()
    }
}

/// One identity, without any allocation.
impl<'a, T: Into<Identity<'a>>> From<T> for Identities<'a> {
    fn from(identity: T) -> Self {
        Self(Few::One(identity.into()))
    }
}

impl<'t, 'a> IntoIterator for &'t Identities<'a> {
    type Item = &'t Identity<'a>;
    type IntoIter = slice::Iter<'t, Identity<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
