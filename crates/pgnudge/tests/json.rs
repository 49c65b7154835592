//! The feature `serde`: what is written is read, and what comes from anywhere holds the rules or is an error.

#![cfg(feature = "serde")]
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use pgnudge::{
    Edge, Event, FeedItem, Key, KeyColumn, KeyValue, Lsn, Payload, Plugin, PluginChoice, Reason, TableName,
    TablePattern, Visibility,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A name as a database may have it, with characters that JSON, patterns or terminals care about among them.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "[ .*\"\\\\A-Z\u{1}-\u{1f}\u{9b}\u{202e}ü表\u{10ffff}]{1,8}", "[^\0]{1,20}"]
}

fn value() -> impl Strategy<Value = KeyValue<'static>> {
    let numbers =
        ["123456789012345678901234567890.123450", "9223372036854775808", "1.50", "-0", "1e-07", "1e400"];
    prop_oneof![
        any::<bool>().prop_map(KeyValue::Bool),
        any::<i64>().prop_map(KeyValue::Integer),
        select(numbers.to_vec()).prop_map(|text| KeyValue::Number(text.into())),
        any::<String>().prop_map(|text| KeyValue::Text(text.into())),
    ]
}

fn column() -> impl Strategy<Value = KeyColumn<'static>> {
    (name(), value()).prop_map(|(name, value)| KeyColumn { name: name.into(), value })
}

fn table() -> impl Strategy<Value = TableName> {
    (name(), name()).prop_map(TableName::from)
}

fn event() -> impl Strategy<Value = Event> {
    let key = proptest::collection::vec(column(), 0..4).prop_map(Key::new);
    let seen = (0..253_402_300_800_u64, 0..1_000_000_u32)
        .prop_map(|(seconds, micros)| SystemTime::UNIX_EPOCH + Duration::new(seconds, micros * 1000));
    (table(), any::<u64>(), seen, key).prop_map(|(table, count, seen, key)| {
        let event = Event::new(table, seen, count);
        if let Some(key) = key { event.with_key(key) } else { event }
    })
}

fn item() -> impl Strategy<Value = FeedItem> {
    let lsn = || any::<u64>().prop_map(Lsn::new);
    let events = proptest::collection::vec(event(), 1..4);
    prop_oneof![
        (select(Reason::ALL), lsn()).prop_map(|(reason, lsn)| FeedItem::Resync { reason, lsn }),
        (events, lsn()).prop_map(|(events, lsn)| FeedItem::Batch { events, lsn }),
    ]
}

fn pattern() -> impl Strategy<Value = TablePattern> {
    let named = table().prop_map(TablePattern::from);
    prop_oneof![named, select(&["public.*", "*.orders", "*.*"][..]).prop_map(|text| text.parse().unwrap())]
}

#[track_caller]
fn reads_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
    // Of a reader nothing can be borrowed.
    assert_eq!(&serde_json::from_reader::<_, T>(json.as_bytes()).unwrap(), value, "{json}");
}

/// Laws of whatever could be read.
fn check(json: &str) {
    let Ok(item) = serde_json::from_str::<FeedItem>(json) else { return };
    if let FeedItem::Batch { events, .. } = &item {
        assert!(!events.is_empty(), "{json}");
        for event in events {
            let names = [event.table.schema(), event.table.table()];
            assert!(names.iter().all(|name| !name.is_empty() && !name.contains('\0')), "{json}");
        }
    }
    // Read once, it is in the form that is written: that reads back the same.
    let written = serde_json::to_string(&item).unwrap();
    let again: FeedItem = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn items_are_read_as_they_are_written(item in item()) {
        reads_back(&item);
    }

    #[test]
    fn their_parts_are_too(
        table in table(), column in column(), event in event(), pattern in pattern(), lsn in any::<u64>(),
    ) {
        reads_back(&table);
        reads_back(&column);
        reads_back(&column.value);
        reads_back(&event.key);
        reads_back(&event);
        reads_back(&pattern);
        reads_back(&Lsn::new(lsn));
    }

    /// A piece is missing, or another one is in its place.
    #[test]
    fn what_was_tampered_with_is_an_item_or_an_error(
        item in item(), from in any::<Index>(), to in any::<Index>(), piece in select(PIECES),
    ) {
        let json = serde_json::to_string(&item).unwrap();
        let places: Vec<usize> = json.char_indices().map(|(place, _)| place).chain([json.len()]).collect();
        let (from, to) = (*from.get(&places), *to.get(&places));
        check(&[&json[..from.min(to)], piece, &json[from.max(to)..]].concat());
        check(&[&json[..from], piece, &json[from..]].concat());
        let next = json[from..].chars().next().map_or(0, char::len_utf8);
        check(&[&json[..from], piece, &json[from + next..]].concat());
    }

    #[test]
    fn what_comes_from_anywhere_is_an_item_or_an_error(
        tokens in proptest::collection::vec(select(PIECES), 0..24), text in ".{0,60}",
    ) {
        check(&text);
        check(&tokens.concat());
    }
}

#[test]
fn settings_are_read_as_they_are_written() {
    Edge::ALL.iter().for_each(reads_back);
    Visibility::ALL.iter().for_each(reads_back);
    Payload::ALL.iter().for_each(reads_back);
    Reason::ALL.iter().for_each(reads_back);
    for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
        reads_back(&plugin);
        reads_back(&PluginChoice::Only(plugin));
    }
    reads_back(&PluginChoice::Auto);
}

#[test]
fn settings_that_there_are_none_of_are_refused() {
    assert!(serde_json::from_str::<Edge>(r#""sideways""#).is_err());
    assert!(serde_json::from_str::<Visibility>("true").is_err());
    assert!(serde_json::from_str::<Payload>(r#""row""#).is_err());
    assert!(serde_json::from_str::<Plugin>(r#""auto""#).is_err());
    assert!(serde_json::from_str::<PluginChoice>(r#""pgoutput""#).is_err());
    assert!(serde_json::from_str::<Lsn>(r#""16-B374D848""#).is_err());
    assert!(serde_json::from_str::<TablePattern>(r#""users""#).is_err());
    assert!(serde_json::from_str::<TablePattern>(r#""public.Users""#).is_err());
}

#[test]
fn what_is_finer_than_a_microsecond_is_lost_and_nothing_else() {
    let seen = SystemTime::UNIX_EPOCH + Duration::new(1_764_200_000, 123_456_000);
    let event = |seen| Event::new(TableName::new("public", "orders"), seen, 3);
    let json = serde_json::to_string(&event(seen + Duration::from_nanos(789))).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event(seen));
}

#[test]
fn a_payload_that_says_something_else_counts_for_nothing() {
    let json = r#"{"payload":"public.users","schema":"public","table":"orders","count":1,
        "first_seen":"2026-11-22T10:00:00Z","newer":{"a":[1]}}"#;
    assert_eq!(serde_json::from_str::<Event>(json).unwrap().payload(), "public.orders");
}

/// Better an error than a key without some of its digits.
#[test]
fn a_key_that_serde_holds_in_between_is_an_error() {
    #[derive(Deserialize)]
    struct Around {
        #[serde(flatten)]
        event: Event,
    }
    let json = |pk: &str| {
        format!(r#"{{"schema":"s","table":"t","count":1,"first_seen":"2026-11-22T10:00:00Z"{pk}}}"#)
    };
    assert_eq!(serde_json::from_str::<Around>(&json("")).unwrap().event.payload(), "s.t");
    assert!(serde_json::from_str::<Around>(&json(r#","pk":[{"name":"id","value":1.50}]"#)).is_err());
}

/// A value of the length that is kept is read, and the next one is not.
#[test]
fn a_key_is_as_long_as_it_is_kept() {
    let json = |length: usize| format!(r#"[{{"name":"id","value":"{}"}}]"#, "x".repeat(length));
    let longest = Key::LONGEST - "id".len();
    assert!(serde_json::from_str::<Key>(&json(longest)).is_ok());
    assert!(serde_json::from_str::<Key>(&json(longest + 1)).is_err());
    assert!(serde_json::from_str::<Key>("[]").is_err());
}

/// What an attacker would try, between the pieces of an item.
const PIECES: &[&str] = &[
    "",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "true",
    "-",
    "0",
    "00",
    "1e999999999",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\0",
    "é",
    "{\"type\":\"batch\",\"lsn\":\"0/1\",\"events\":[",
    "\"type\":\"resync\",",
    "{\"schema\":\"s\",\"table\":\"t\",\"count\":1,\"first_seen\":\"2026-11-22T10:00:00.000000001Z\"",
    "\"pk\":[",
    "{\"name\":\"\",\"value\":1}",
    "{\"name\":\"id\",\"value\":-0.0}",
    "\"lsn\":\"FFFFFFFFF/0\"",
    "]}",
    "1970-01-01T00:00:60Z",
];
