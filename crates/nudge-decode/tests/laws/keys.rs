//! Keys come back as they are, or the change is one of the table as a whole.

use crate::printing::{any_name, columns, escape_json, wal2json_change};
use nudge_decode::{Decoded, Decoder, Identity, Key, KeyColumn, KeyValue, Plugin, TableRef};
use proptest::prelude::*;

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
struct Value {
    /// As wal2json prints it.
    json: String,
    /// What it means in a key, if that can be told.
    meaning: Option<KeyValue<'static>>,
}

/// A column of a table, and its value before and after.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    old: Value,
    new: Value,
    /// It is one of the primary key's.
    pk: bool,
    /// The replica identity has it.
    identity: bool,
    /// It is stored out of line, and not printed again if it did not change.
    external: bool,
}

fn any_value() -> impl Strategy<Value = Value> {
    let value = |json: String, meaning| Value { json, meaning: Some(meaning) };
    let number = "-?(0|[1-9][0-9]{0,25})\\.[0-9]{1,20}(e[+-][0-9]{1,3})?|[1-9][0-9]{20,40}";
    let text = any_name().prop_map(move |text| {
        let json = String::from_utf8_lossy(&escape_json(&text)).into_owned();
        value(json, KeyValue::Text(text.into()))
    });
    prop_oneof![
        2 => any::<i64>().prop_map(move |number| value(number.to_string(), KeyValue::Integer(number))),
        2 => number.prop_map(move |text| value(text.clone(), KeyValue::Number(text.into()))),
        1 => any::<bool>().prop_map(move |bool| value(bool.to_string(), KeyValue::Bool(bool))),
        3 => text,
        1 => Just(Value { json: "null".to_owned(), meaning: None }),
    ]
}

fn any_column(name: String) -> impl Strategy<Value = Column> {
    let identity = prop::bool::weighted(0.8);
    let column = (any_value(), prop::option::of(any_value()), any::<bool>(), identity, any::<bool>());
    column.prop_map(move |(old, new, pk, identity, external)| {
        let new = new.unwrap_or_else(|| old.clone());
        Column { name: name.clone(), old, new, pk, identity, external }
    })
}

/// The columns of one table.
fn any_columns() -> impl Strategy<Value = Vec<Column>> {
    let names = prop::collection::btree_set(any_name(), 1..6);
    names.prop_flat_map(|names| names.into_iter().map(any_column).collect::<Vec<_>>())
}

/// What wal2json prints behind the table.
fn printed(action: &str, table: &[Column]) -> Vec<u8> {
    let list = |member, of: &dyn Fn(&Column) -> bool, value: &dyn Fn(&Column) -> Option<String>| {
        let list: Vec<_> = table.iter().filter(|column| of(column)).collect();
        columns(member, &list.iter().map(|column| (column.name.clone(), value(column))).collect::<Vec<_>>())
    };
    let again = |column: &Column| action == "I" || column.old != column.new || !column.external;
    let mut printed = Vec::new();
    if action != "D" {
        printed.extend(list("columns", &again, &|column| Some(column.new.json.clone())));
    }
    if action != "I" {
        printed.extend(list("identity", &|column| column.identity, &|column| Some(column.old.json.clone())));
    }
    printed.extend(list("pk", &|column| column.pk, &|_| None));
    printed.push(b'}');
    printed
}

/// The key with these values, unless one of them cannot be told.
fn key(table: &[Column], value: fn(&Column) -> &Value) -> Option<Key<'static>> {
    let column = |column: &Column| {
        Some(KeyColumn { name: column.name.clone().into(), value: value(column).meaning.clone()? })
    };
    Key::new(table.iter().filter(|column| column.pk).map(column).collect::<Option<_>>()?)
}

proptest! {
    /// An INSERT is its row, a DELETE too, an UPDATE its row or two; if the key cannot be told it
    /// is the table.
    #[test]
    fn keys_survive_printing(
        s in any_name(), t in any_name(), table in any_columns(), action in "[IUD]"
    ) {
        let (old, new) = (key(&table, |column| &column.old), key(&table, |column| &column.new));
        let identified = table.iter().all(|column| column.identity || !column.pk);
        let row = |key: &Key<'static>| Identity { table: TableRef::new(&s, &t), key: Some(key.clone()) };
        let expected = match (action.as_str(), &old, &new) {
            ("I", _, Some(new)) => vec![row(new)],
            ("D", Some(old), _) if identified => vec![row(old)],
            ("U", Some(old), Some(new)) if identified && old == new => vec![row(old)],
            ("U", Some(old), Some(new)) if identified => vec![row(old), row(new)],
            _ => vec![TableRef::new(&s, &t).into()],
        };
        let message = wal2json_change(&action, ",\"xid\":7", &s, &t, printed(&action, &table));
        let decoder = Decoder::new(Plugin::Wal2Json).with_keys();
        let Decoded::Change(rows) = decoder.decode(&message, false) else {
            return Err(TestCaseError::fail("no change"));
        };
        prop_assert_eq!(rows.as_slice(), expected);
    }

    /// The text of a key is its values with commas between.
    #[test]
    fn keys_are_written_as_values(values in prop::collection::vec(any::<i64>(), 1..4)) {
        let column = |value: &i64| KeyColumn { name: "id".into(), value: KeyValue::Integer(*value) };
        let key = Key::new(values.iter().map(column).collect()).unwrap();
        let text: Vec<_> = values.iter().map(ToString::to_string).collect();
        prop_assert_eq!(key.to_string(), text.join(","));
        prop_assert_eq!(key.clone().into_owned(), key);
    }
}

/// Nothing in a message can make it be read again and again: each of these would take minutes.
#[test]
fn hostile_megabytes_are_read_in_one_go() {
    let head = r#"{"action":"U","schema":"s","table":"t","columns":["#;
    let tail = r#","identity":[{"name":"id","value":1}],"pk":[{"name":"id"}]}"#;
    for part in [
        r#"{"name":"a","value":1},"#,
        r#","columns":["#,
        r#","identity":["#,
        r#","identity":[{"name":"id","value":1}],"#,
        r#","pk":["#,
        r#"],"pk":[{"name":"id"},"#,
        r#"{"name":"id"},"#,
        "[",
        "{",
        "\\",
        "\"",
        "\\\"",
        "1",
    ] {
        let middle = part.repeat((2 << 20) / part.len());
        for tail in [tail, "]}", ""] {
            let message = [head, &middle, tail].concat();
            let decoded = Decoder::new(Plugin::Wal2Json).with_keys().decode(message.as_bytes(), false);
            let Decoded::Change(rows) = decoded else { panic!("{part}: {decoded:?}") };
            assert_eq!(rows.as_slice()[0].table, TableRef::new("s", "t"), "{part}");
        }
    }
}
