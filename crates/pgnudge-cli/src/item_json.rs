//! Items as JSON: the form that other programs rely on.

use std::borrow::Cow;
use std::time::SystemTime;

use pgnudge::{Event, FeedItem, KeyColumn, KeyValue};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// One item. The order of the fields is part of the form.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ItemJson<'a> {
    Resync { reason: &'static str, lsn: String },
    Batch { lsn: String, events: Vec<EventJson<'a>> },
}

#[derive(Serialize)]
pub(crate) struct EventJson<'a> {
    payload: Cow<'a, str>,
    schema: &'a str,
    table: &'a str,
    count: u64,
    #[serde(serialize_with = "rfc3339")]
    first_seen: SystemTime,
    /// Not there if the table is meant as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pk: Option<Vec<ColumnJson<'a>>>,
}

#[derive(Serialize)]
pub(crate) struct ColumnJson<'a> {
    name: &'a str,
    #[serde(serialize_with = "exact")]
    value: &'a KeyValue<'static>,
}

impl<'a> From<&'a FeedItem> for ItemJson<'a> {
    fn from(item: &'a FeedItem) -> Self {
        match item {
            FeedItem::Resync { reason, lsn } => {
                Self::Resync { reason: reason.as_str(), lsn: lsn.to_string() }
            }
            FeedItem::Batch { events, lsn } => {
                Self::Batch { lsn: lsn.to_string(), events: events.iter().map(EventJson::from).collect() }
            }
        }
    }
}

impl<'a> From<&'a Event> for EventJson<'a> {
    fn from(event: &'a Event) -> Self {
        let Event { table, key, .. } = event;
        Self {
            payload: event.payload(),
            schema: table.schema(),
            table: table.table(),
            count: event.count,
            first_seen: event.first_seen,
            pk: key.as_ref().map(|key| key.columns().iter().map(ColumnJson::from).collect()),
        }
    }
}

impl<'a> From<&'a KeyColumn<'static>> for ColumnJson<'a> {
    fn from(KeyColumn { name, value }: &'a KeyColumn<'static>) -> Self {
        Self { name, value }
    }
}

/// A number has all the digits that the server printed, be they more than a float holds.
fn exact<S: Serializer>(value: &KeyValue<'static>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        KeyValue::Bool(value) => value.serialize(serializer),
        KeyValue::Integer(value) => value.serialize(serializer),
        KeyValue::Number(text) => {
            RawValue::from_string(text.to_string()).map_err(S::Error::custom)?.serialize(serializer)
        }
        KeyValue::Text(text) => text.serialize(serializer),
    }
}

/// Microseconds in UTC: `2026-11-22T10:00:00.123456Z`.
fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_micros(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_typed_and_digits_are_kept() {
        let check = |value: KeyValue<'static>, expected: &str| {
            let column = KeyColumn { name: "id".into(), value };
            let json = serde_json::to_string(&ColumnJson::from(&column)).unwrap();
            assert_eq!(json, format!(r#"{{"name":"id","value":{expected}}}"#));
        };
        check(KeyValue::Integer(42), "42");
        check(KeyValue::Integer(i64::MIN), "-9223372036854775808");
        check(KeyValue::Bool(true), "true");
        check(KeyValue::Text("42".into()), r#""42""#);
        check(KeyValue::Text("a\"b\n,:ü".into()), r#""a\"b\n,:ü""#);
        for number in ["123456789012345678901234567890.123450", "9223372036854775808", "1.50", "-0", "1e-07"]
        {
            check(KeyValue::Number(number.into()), number);
        }
    }
}
