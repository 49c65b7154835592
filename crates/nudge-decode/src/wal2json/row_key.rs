//! The primary key of a changed row, from what wal2json prints with `include-pk`.
//!
//! ```text
//! {"action":"U","schema":"public","table":"orders",
//!   "columns":[{"name":"id","value":2},{"name":"note","value":"x"}],
//!   "identity":[{"name":"id","value":1}],
//!   "pk":[{"name":"id"}]}
//! ```
//! (in one line). `columns` is the new row, without what is stored out of line and did not change.
//! `identity` is the old row, or of it the columns of the index that the replica identity names,
//! which need not be the primary key's. `pk` names the columns of the primary key, if there is one.
//!
//! A row can be long, so the lists are searched for, not read through: since a quote within a
//! string is escaped, `,"pk":[` can be nothing but the member. Where something does not look as
//! it should, there is no key.

use crate::{
    Key, KeyColumn, KeyValue, ServerEncoding,
    head::{Grammar, literal},
    json_string::{Literal, json_literal},
};
use alloc::{borrow::Cow, vec, vec::Vec};
use memchr::memmem;
use nom::{
    Parser,
    branch::alt,
    character::digit1,
    combinator::{eof, opt},
};

/// The key of the row, and the one that an UPDATE gave it instead.
pub(super) fn keys(message: &[u8], encoding: ServerEncoding) -> Option<(Key<'_>, Option<Key<'_>>)> {
    let names = key_names(message)?;
    let list = |opening| Some(values(after(opening, message, memmem::find)?, &names));
    let key = |values: &[_]| key(&names, values, encoding);
    match message.get(ACTION)? {
        b'I' => Some((key(&list(COLUMNS)?)?, None)),
        b'D' => Some((key(&list(IDENTITY)?)?, None)),
        b'U' => {
            let (old, new) = (list(IDENTITY)?, list(COLUMNS)?);
            // What is not printed did not change.
            let new: Vec<_> = new.into_iter().zip(&old).map(|(new, old)| new.or(*old)).collect();
            let changed = if new == old { None } else { Some(key(&new)?) };
            Some((key(&old)?, changed))
        }
        _ => None,
    }
}

/// The names of the key's columns, from the end of the message.
fn key_names(message: &[u8]) -> Option<Vec<Literal<'_>>> {
    let mut list = List(after(PK, message, memmem::rfind)?);
    let names = list.by_ref().map(|column| column.name).take(MOST_COLUMNS).collect();
    (list.0 == b"]}").then_some(names)
}

/// The part of a message after the `opening` of a list.
fn after<'a>(
    opening: &[u8],
    message: &'a [u8],
    find: impl FnOnce(&[u8], &[u8]) -> Option<usize>,
) -> Option<&'a [u8]> {
    message.get(find(message, opening)? + opening.len()..)
}

/// The values that a list has for `names`.
fn values<'a>(list: &'a [u8], names: &[Literal<'_>]) -> Vec<Option<Value<'a>>> {
    let mut values = vec![None; names.len()];
    for column in List(list) {
        if let Some((_, value)) = names.iter().zip(&mut values).find(|(name, _)| **name == column.name) {
            *value = column.value;
            if values.iter().all(Option::is_some) {
                break;
            }
        }
    }
    values
}

/// The key, if every value is there and has a meaning.
fn key<'a>(names: &[Literal<'a>], values: &[Option<Value<'a>>], encoding: ServerEncoding) -> Option<Key<'a>> {
    let columns = names.iter().zip(values).map(|(name, value)| {
        let name = name.text(encoding).ok()?;
        Some(KeyColumn { name, value: value.as_ref()?.meaning(encoding)? })
    });
    Key::new(columns.collect::<Option<_>>()?)
}

/// A list of columns, read from what follows its opening bracket. It ends before anything else
/// than a column.
struct List<'a>(&'a [u8]);

struct Column<'a> {
    name: Literal<'a>,
    /// There is none in `pk`.
    value: Option<Value<'a>>,
}

impl<'a> Iterator for List<'a> {
    type Item = Column<'a>;

    fn next(&mut self) -> Option<Column<'a>> {
        let input = self.0.strip_prefix(b",").unwrap_or(self.0);
        let (input, name) = json_literal(input.strip_prefix(b"{\"name\":")?).ok()?;
        let (input, value) = match input.strip_prefix(b",\"value\":") {
            Some(input) => Value::read(input)?,
            None => (input, None),
        };
        self.0 = input.strip_prefix(b"}")?;
        Some(Column { name, value })
    }
}

/// A value as it is written, and two are the same if they are written the same.
#[derive(Clone, Copy, PartialEq)]
enum Value<'a> {
    Text(Literal<'a>),
    /// A number, `true`, `false` or `null`.
    Bare(&'a [u8]),
}

impl<'a> Value<'a> {
    fn read(input: &'a [u8]) -> Option<(&'a [u8], Option<Self>)> {
        if input.starts_with(b"\"") {
            let (rest, literal) = json_literal(input).ok()?;
            return Some((rest, Some(Self::Text(literal))));
        }
        let end = input.iter().position(|byte| *byte == b'}')?;
        let (bare, rest) = input.split_at_checked(end)?;
        Some((rest, Some(Self::Bare(bare))))
    }

    /// The value, unless it is `null`: that is how NaN and the infinities are printed, and
    /// which of them it was cannot be told.
    fn meaning(self, encoding: ServerEncoding) -> Option<KeyValue<'a>> {
        match self {
            Self::Text(literal) => Some(KeyValue::Text(literal.text(encoding).ok()?)),
            Self::Bare(b"true") => Some(KeyValue::Bool(true)),
            Self::Bare(b"false") => Some(KeyValue::Bool(false)),
            Self::Bare(bare) => {
                number().parse_complete(bare).ok()?;
                Some(KeyValue::number(Cow::Borrowed(str::from_utf8(bare).ok()?)))
            }
        }
    }
}

/// RFC 8259, section 6, as far as the server uses it.
fn number<'a>() -> impl Grammar<'a, ()> {
    let whole = alt((literal(b"0"), digit1().map(|_| ())));
    let fraction = (literal(b"."), digit1());
    let exponent = (literal(b"e"), opt(alt((literal(b"+"), literal(b"-")))), digit1());
    (opt(literal(b"-")), whole, opt(fraction), opt(exponent), eof).map(|_| ())
}

/// Where `I`, `U` or `D` stands.
const ACTION: usize = b"{\"action\":\"".len();
const COLUMNS: &[u8] = b",\"columns\":[";
const IDENTITY: &[u8] = b",\"identity\":[";
const PK: &[u8] = b",\"pk\":[";

/// PostgreSQL's own limit (INDEX_MAX_KEYS). It keeps a message of names alone from being read in
/// quadratic time.
const MOST_COLUMNS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String};

    const ID: &str = r#"{"name":"id"}"#;

    fn insert(columns: &str, pk: &str) -> String {
        format!(r#"{{"action":"I","schema":"s","table":"t","columns":[{columns}],"pk":[{pk}]}}"#)
    }

    fn update(columns: &str, identity: &str, pk: &str) -> String {
        format!(
            r#"{{"action":"U","schema":"s","table":"t","columns":[{columns}],"identity":[{identity}],"pk":[{pk}]}}"#
        )
    }

    /// The texts of both keys.
    fn read(message: &str) -> Option<(String, Option<String>)> {
        let (key, changed) = keys(message.as_bytes(), ServerEncoding::UTF8)?;
        Some((format!("{key}"), changed.map(|key| format!("{key}"))))
    }

    /// One value of a key.
    fn check(value: &str, expected: Option<KeyValue<'_>>) {
        let message = insert(&format!(r#"{{"name":"id","value":{value}}}"#), ID);
        let read = keys(message.as_bytes(), ServerEncoding::UTF8);
        let read = read.as_ref().map(|(key, _)| key.columns());
        let expected = expected.map(|value| [KeyColumn { name: "id".into(), value }]);
        assert_eq!(read, expected.as_ref().map(|columns| &columns[..]), "{value}");
    }

    #[test]
    fn values_are_typed_and_exact() {
        check("42", Some(KeyValue::Integer(42)));
        check("-9223372036854775808", Some(KeyValue::Integer(i64::MIN)));
        check("true", Some(KeyValue::Bool(true)));
        check("false", Some(KeyValue::Bool(false)));
        check(r#""42""#, Some(KeyValue::Text("42".into())));
        check(r#""a\n\"b\"""#, Some(KeyValue::Text("a\n\"b\"".into())));
        check(r#""""#, Some(KeyValue::Text("".into())));
        for number in ["9223372036854775808", "1.50", "-0", "-0.0", "1e-07", "1.5e+300", "1e5"] {
            check(number, Some(KeyValue::Number(number.into())));
        }
    }

    #[test]
    fn what_is_no_value_is_no_key() {
        for value in ["null", "", "NaN", "-", "01", "1.", ".5", "+1", "1e", "1 ", "[1]", r#""\q""#] {
            check(value, None);
        }
    }

    #[test]
    fn an_update_tells_both_keys_if_they_differ() {
        let (one, two) = (r#"{"name":"id","value":1}"#, r#"{"name":"id","value":2}"#);
        assert_eq!(read(&update(one, one, ID)), Some(("1".into(), None)));
        assert_eq!(read(&update(two, one, ID)), Some(("1".into(), Some("2".into()))));
        // It did not change, and was too long to be printed twice.
        assert_eq!(read(&update("", one, ID)), Some(("1".into(), None)));
        // The replica identity is another index.
        assert_eq!(read(&update(two, r#"{"name":"other","value":1}"#, ID)), None);
    }

    #[test]
    fn a_row_is_not_mistaken_for_a_list() {
        let columns = r#"{"name":"a","value":",\"pk\":[{\"name\":\"a\"}]}"},{"name":"id","value":1}"#;
        assert_eq!(read(&insert(columns, ID)), Some(("1".into(), None)));
        let columns = r#"{"name":",\"identity\":[","value":1},{"name":"id","value":2}"#;
        assert_eq!(read(&update(columns, columns, ID)), Some(("2".into(), None)));
    }

    #[test]
    fn half_a_key_is_none() {
        let columns = r#"{"name":"id","value":1},{"name":"b","value":2}"#;
        assert_eq!(read(&insert(columns, r#"{"name":"id"},{"name":"b"}"#)), Some(("1,2".into(), None)));
        assert_eq!(read(&insert(columns, r#"{"name":"id"},{"name":"c"}"#)), None);
        assert_eq!(read(&insert(columns, "")), None);
        let message = insert(columns, r#"{"name":"id"},{"name":"b"}"#);
        for end in 0..message.len() {
            assert_eq!(read(&message[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_key_has_no_more_columns_than_an_index() {
        let list = |count, value| {
            let columns: Vec<_> = (0..count).map(|n| format!(r#"{{"name":"c{n}"{value}}}"#)).collect();
            columns.join(",")
        };
        let most = insert(&list(MOST_COLUMNS, r#","value":1"#), &list(MOST_COLUMNS, ""));
        assert!(read(&most).is_some());
        let more = insert(&list(MOST_COLUMNS + 1, r#","value":1"#), &list(MOST_COLUMNS + 1, ""));
        assert_eq!(read(&more), None);
    }
}
