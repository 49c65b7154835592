//! The primary key of a row, as events carry it.

use std::fmt;
use std::sync::Arc;

use nudge_decode::{KeyColumn, KeyValue};

/// A row's primary key: the names and the typed values of its columns, in the order of the table's.
///
/// Cloning is cheap. `Display` is the values with `,` between, raw, as in the payload text of an event:
/// that text is for people and for channels that carry text. It need not be parsed (a value may hold a
/// comma): [`columns`](Self::columns) are exact.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<nudge_decode::Key<'static>>);

impl Key {
    /// Makes a key, for tests of programs that use a feed. `None`: there are no columns, or they
    /// are [too long](Self::LONGEST).
    pub fn new(columns: Vec<KeyColumn<'static>>) -> Option<Self> {
        Self::keep(&nudge_decode::Key::new(columns)?)
    }

    /// The columns, at least one.
    pub fn columns(&self) -> &[KeyColumn<'static>] {
        self.0.columns()
    }

    /// The value of a column.
    pub fn get(&self, column: &str) -> Option<&KeyValue<'static>> {
        self.columns().iter().find(|KeyColumn { name, .. }| name == column).map(|column| &column.value)
    }

    /// Keeps a key, unless it is too long for that: then the change is one of the table as a whole.
    pub(crate) fn keep(key: &nudge_decode::Key<'_>) -> Option<Self> {
        let length: usize = key.columns().iter().map(length).sum();
        (length <= Self::LONGEST).then(|| Self(Arc::new(key.clone().into_owned())))
    }

    /// As the decoder has it.
    #[cfg(feature = "testing")]
    pub(crate) fn inner(&self) -> nudge_decode::Key<'static> {
        (*self.0).clone()
    }

    /// Whether it is that key.
    pub(crate) fn is(&self, key: &nudge_decode::Key<'_>) -> bool {
        *self.0 == *key
    }

    /// Bytes of all names and values beyond which a key is not kept, so that a pending item has a limit
    /// in bytes too. An index row of PostgreSQL has at most some 2,700 bytes, but compressed: a text of
    /// 200,000 equal letters can be a key.
    pub const LONGEST: usize = 8 * 1024;
}

fn length(column: &KeyColumn<'_>) -> usize {
    column.name.len()
        + match &column.value {
            KeyValue::Bool(_) | KeyValue::Integer(_) => size_of::<i64>(),
            KeyValue::Number(text) | KeyValue::Text(text) => text.len(),
        }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns().iter().map(|KeyColumn { name, value }| (name, value));
        f.debug_map().entries(columns).finish()
    }
}
