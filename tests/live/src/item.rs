//! What a consumer was told, whether by the library or by the JSON lines of the program.

use pgnudge::{Event, FeedItem, Key, KeyValue, Lsn};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::Failure;
use crate::evidence::ensure;

/// One item. The JSON form is the contract's, and nothing may be in it that the contract lacks.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Item {
    /// Reload everything.
    Resync {
        /// Why.
        reason: String,
        /// A position at or after all that it stands for.
        #[serde(deserialize_with = "position")]
        lsn: Lsn,
    },
    /// Reload these.
    Batch {
        /// A position at or after all that it stands for.
        #[serde(deserialize_with = "position")]
        lsn: Lsn,
        /// The tables.
        events: Vec<Change>,
    },
}

/// One table, or row, of a batch.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `schema.table`, or `schema.table:key`.
    pub payload: String,
    /// The schema alone.
    pub schema: String,
    /// The table alone.
    pub table: String,
    /// How many rows.
    pub count: u64,
    /// When it was first seen; of the library's items, empty.
    pub first_seen: String,
    /// The key of the row, if a row was told.
    #[serde(default)]
    pub pk: Option<Value>,
}

impl Item {
    /// Reads one line of `pgnudge watch --output json`, and has the library read it, too.
    ///
    /// # Errors
    /// When it is not as the contract says, or when the library finds something else in it.
    pub fn from_json(line: &str) -> Result<Self, Failure> {
        let within = |error: serde_json::Error| Failure::from(error).within(line);
        let item: Self = serde_json::from_str(line).map_err(within)?;
        let read = Self::from(serde_json::from_str::<FeedItem>(line).map_err(within)?);
        let told = |item: &Self| {
            let changes = item.changes().iter().map(|change| (change.payload.clone(), change.count));
            (item.lsn(), item.resync_reason().map(str::to_owned), changes.collect::<Vec<_>>())
        };
        ensure!(told(&read) == told(&item), "the library reads {read:?} in {line}");
        Ok(item)
    }

    /// The position.
    #[must_use]
    pub fn lsn(&self) -> Lsn {
        match self {
            Self::Resync { lsn, .. } | Self::Batch { lsn, .. } => *lsn,
        }
    }

    /// The reason, if it is a resync.
    #[must_use]
    pub fn resync_reason(&self) -> Option<&str> {
        match self {
            Self::Resync { reason, .. } => Some(reason),
            Self::Batch { .. } => None,
        }
    }

    /// The tables of a batch; of a resync none.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Resync { .. } => &[],
            Self::Batch { events, .. } => events,
        }
    }
}

impl From<FeedItem> for Item {
    fn from(item: FeedItem) -> Self {
        match item {
            FeedItem::Resync { reason, lsn } => Self::Resync { reason: reason.to_string(), lsn },
            FeedItem::Batch { events, lsn } => {
                Self::Batch { lsn, events: events.iter().map(Change::from).collect() }
            }
        }
    }
}

impl From<&Event> for Change {
    fn from(event: &Event) -> Self {
        let Event { table, key, count, .. } = event;
        let [schema, name] = [table.schema(), table.table()].map(str::to_owned);
        let (payload, pk) = (event.payload().into_owned(), key.as_ref().map(as_json));
        Self { payload, schema, table: name, count: *count, first_seen: String::new(), pk }
    }
}

/// As the program prints it, but for numbers that JSON values do not hold exactly.
fn as_json(key: &Key) -> Value {
    let value = |value: &KeyValue<'_>| match value {
        KeyValue::Bool(value) => json!(value),
        KeyValue::Integer(value) => json!(value),
        KeyValue::Number(text) | KeyValue::Text(text) => json!(text),
    };
    key.columns().iter().map(|column| json!({ "name": column.name, "value": value(&column.value) })).collect()
}

fn position<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Lsn, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_contract_are_read() {
        let resync = Item::from_json(r#"{"type":"resync","reason":"connected","lsn":"0/1A2B3C8"}"#).unwrap();
        assert_eq!(resync.resync_reason(), Some("connected"));
        assert_eq!(resync.lsn().to_string(), "0/1A2B3C8");
        let batch = r#"{"type":"batch","lsn":"0/1A2B4F0","events":[{"payload":"public.orders",
            "schema":"public","table":"orders","count":3,"first_seen":"2026-11-22T10:00:00.123456Z"}]}"#;
        let batch = Item::from_json(batch).unwrap();
        assert_eq!(batch.changes()[0].table, "orders");
        assert_eq!(batch.changes()[0].count, 3);
        let row = r#"{"type":"batch","lsn":"0/1","events":[{"payload":"a.b:42","schema":"a","table":"b",
            "count":1,"first_seen":"2026-11-22T10:00:00.123456Z","pk":[{"name":"id","value":42}]}]}"#;
        assert!(Item::from_json(row).unwrap().changes()[0].pk.is_some());
    }

    #[test]
    fn what_the_contract_does_not_know_is_an_error() {
        for line in [
            r#"{"type":"resync","reason":"connected"}"#,
            r#"{"type":"resync","reason":"connected","lsn":"0/1","more":1}"#,
            r#"{"type":"batch","lsn":"0/1","events":[{"payload":"a.b","schema":"a","table":"b","count":1,"row":1}]}"#,
            r#"{"type":"goodbye","lsn":"0/1"}"#,
            "streaming",
        ] {
            assert!(Item::from_json(line).is_err(), "{line}");
        }
    }
}
