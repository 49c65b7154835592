//! The primary key of one row, with typed values.

use alloc::{borrow::Cow, boxed::Box, string::String, vec::Vec};
use core::fmt;

/// A row's primary key: its columns, at least one.
///
/// They are in the order in which the *table* has them; that is what the plugin prints, and it
/// may differ from the order in `PRIMARY KEY (…)`.
///
/// The values are as exact as the text that the server printed. Two keys that are different here
/// may be equal for the server (`1.0` and `1.00` are one number, `a` and `A` may be one text):
/// that makes two events of one row, and both find it.
///
/// ```
/// use nudge_decode::{Key, KeyColumn, KeyValue};
///
/// let id = KeyColumn { name: "id".into(), value: KeyValue::Integer(7) };
/// let key = Key::new(vec![id]).expect("a column");
/// assert_eq!(key.get("id").and_then(KeyValue::as_i64), Some(7));
/// assert_eq!(key.to_string(), "7");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key<'a> {
    columns: Box<[KeyColumn<'a>]>,
}

/// One column of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KeyColumn<'a> {
    /// The column's name as the catalog has it.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::key_json::column_name"))]
    pub name: Cow<'a, str>,
    /// The column's value.
    pub value: KeyValue<'a>,
}

/// A value of a key, by what the plugin makes of the column's type.
///
/// Exhaustive on purpose: JSON has no more scalars, and no part of a primary key is null.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyValue<'a> {
    /// A `boolean`.
    Bool(bool),
    /// A number that is printed as a whole one and that fits, whatever its type.
    Integer(i64),
    /// Any other number, as printed: exact, and in JSON's notation.
    Number(Cow<'a, str>),
    /// A value of any other type in its text form, `bytea` in hexadecimal digits without `\x`.
    Text(Cow<'a, str>),
}

impl<'a> Key<'a> {
    /// A key of these columns, unless there are none.
    pub fn new(columns: Vec<KeyColumn<'a>>) -> Option<Self> {
        (!columns.is_empty()).then(|| Self { columns: columns.into() })
    }

    /// The columns, at least one.
    pub fn columns(&self) -> &[KeyColumn<'a>] {
        &self.columns
    }

    /// The value of the column of this name.
    pub fn get(&self, name: &str) -> Option<&KeyValue<'a>> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.value)
    }

    /// The same key on its own, apart from the message that it was read from.
    pub fn into_owned(self) -> Key<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(String::from(text));
        let own = |KeyColumn { name, value }| KeyColumn {
            name: own(name),
            value: match value {
                KeyValue::Bool(value) => KeyValue::Bool(value),
                KeyValue::Integer(value) => KeyValue::Integer(value),
                KeyValue::Number(value) => KeyValue::Number(own(value)),
                KeyValue::Text(value) => KeyValue::Text(own(value)),
            },
        };
        Key { columns: self.columns.into_iter().map(own).collect() }
    }
}

impl<'a> KeyValue<'a> {
    /// The number, if it is a whole one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The text of a value that is neither a number nor a truth value.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The value of a text that is a number in JSON's notation.
    pub(crate) fn number(text: Cow<'a, str>) -> Self {
        // An integer has no negative zero.
        match text.parse() {
            Ok(integer) if text != "-0" => Self::Integer(integer),
            _ => Self::Number(text),
        }
    }
}

/// The values with `,` between, raw. It is for people; a value may hold a comma.
impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, column) in self.columns.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            column.value.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for KeyValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) | Self::Text(value) => f.write_str(value),
        }
    }
}
