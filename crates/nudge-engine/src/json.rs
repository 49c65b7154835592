//! The JSON of items: the form that `pgnudge watch --output json` prints and that other programs rely on.
//!
//! The order of the fields is part of the form. What is read comes from anywhere: it holds the rules of the types, or it
//! is an error. Fields that are not known are ignored, so that an older program reads a newer one's items.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use nudge_proto::Lsn;
use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Event, FeedItem, Key, KeyColumn, PluginChoice, Reason, TableName};

/// Text both ways, for a type that is written and read as one.
macro_rules! as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(<D::Error as serde::de::Error>::custom)
            }
        }
    };
}

pub(crate) use as_text;

as_text!(PluginChoice);

impl Serialize for FeedItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut item = serializer.serialize_struct("FeedItem", 3)?;
        match self {
            Self::Resync { reason, lsn } => {
                item.serialize_field("type", "resync")?;
                item.serialize_field("reason", reason)?;
                item.serialize_field("lsn", lsn)?;
            }
            Self::Batch { events, lsn } => {
                item.serialize_field("type", "batch")?;
                item.serialize_field("lsn", lsn)?;
                item.serialize_field("events", events)?;
            }
        }
        item.end()
    }
}

/// An item, flat: digits of numbers do not survive a tagged enum.
#[derive(Deserialize)]
struct ReadItem {
    r#type: String,
    lsn: Lsn,
    reason: Option<Reason>,
    events: Option<Vec<Event>>,
}

impl<'de> Deserialize<'de> for FeedItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ReadItem { r#type, lsn, reason, events } = ReadItem::deserialize(deserializer)?;
        match r#type.as_str() {
            "resync" => {
                let reason = reason.ok_or_else(|| D::Error::missing_field("reason"))?;
                Ok(Self::Resync { reason, lsn })
            }
            "batch" => {
                let events = events.ok_or_else(|| D::Error::missing_field("events"))?;
                let some = Some(events).filter(|events| !events.is_empty());
                let events = some.ok_or_else(|| D::Error::custom("a batch without events"))?;
                Ok(Self::Batch { events, lsn })
            }
            other => Err(D::Error::unknown_variant(other, &["resync", "batch"])),
        }
    }
}

#[derive(Serialize)]
struct WrittenEvent<'a> {
    payload: Cow<'a, str>,
    schema: &'a str,
    table: &'a str,
    count: u64,
    first_seen: Micros,
    /// Not there if the table is meant as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pk: Option<&'a Key>,
}

/// The payload is made of the others.
#[derive(Deserialize)]
struct ReadEvent {
    schema: Name,
    table: Name,
    count: u64,
    first_seen: Micros,
    pk: Option<Key>,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (payload, count, first_seen) = (self.payload(), self.count, Micros(self.first_seen));
        let (schema, table) = (self.table.schema(), self.table.table());
        WrittenEvent { payload, schema, table, count, first_seen, pk: self.key.as_ref() }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ReadEvent { schema, table, count, first_seen, pk } = ReadEvent::deserialize(deserializer)?;
        let event = Self::new(TableName::new(&schema.0, &table.0), first_seen.0, count);
        Ok(match pk {
            Some(key) => event.with_key(key),
            None => event,
        })
    }
}

impl Serialize for TableName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut name = serializer.serialize_struct("TableName", 2)?;
        name.serialize_field("schema", self.schema())?;
        name.serialize_field("table", self.table())?;
        name.end()
    }
}

impl<'de> Deserialize<'de> for TableName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            schema: Name,
            table: Name,
        }
        Read::deserialize(deserializer).map(|Read { schema, table }| Self::new(&schema.0, &table.0))
    }
}

/// The name of a schema or a table. None of PostgreSQL's is empty, or has a zero byte in it.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name.is_empty() || name.contains('\0') {
            return Err(D::Error::custom("the name of a schema or table is empty, or has a zero byte in it"));
        }
        Ok(Self(name))
    }
}

/// Its columns.
impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.columns().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let columns = Vec::<KeyColumn<'static>>::deserialize(deserializer)?;
        Self::new(columns)
            .ok_or_else(|| D::Error::custom("a key without columns, or a longer one than is kept"))
    }
}

/// Microseconds in UTC: `2026-11-22T10:00:00.123456Z`. What is finer is lost, and a time outside of the years 1970 to
/// 9999, of which the form has no text, is the nearest one within.
struct Micros(SystemTime);

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = self.0.max(SystemTime::UNIX_EPOCH);
        // Beyond it humantime's text fails, and serde_json takes that for a bug and panics.
        let latest = SystemTime::UNIX_EPOCH.checked_add(LATEST);
        serializer
            .collect_str(&humantime::format_rfc3339_micros(latest.map_or(time, |latest| time.min(latest))))
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map(Self).map_err(D::Error::custom)
    }
}

/// The last microsecond of the year 9999.
const LATEST: Duration = Duration::new(253_402_300_799, 999_999_000);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyValue;

    #[test]
    fn the_form_is_that_of_the_command_line() {
        let id = |value| Key::new(vec![KeyColumn { name: "id".into(), value }]).unwrap();
        let seen = SystemTime::UNIX_EPOCH + Duration::from_micros(1);
        let event = Event::new(TableName::new("public", "users"), seen, 3)
            .with_key(id(KeyValue::Number("1.50".into())));
        let item = FeedItem::Batch { events: vec![event], lsn: Lsn::new(0x16_B374_D848) };
        assert_eq!(
            serde_json::to_string(&item).unwrap(),
            r#"{"type":"batch","lsn":"16/B374D848","events":[{"payload":"public.users:1.50","schema":"public","table":"users","count":3,"first_seen":"1970-01-01T00:00:00.000001Z","pk":[{"name":"id","value":1.50}]}]}"#
        );
        let item = FeedItem::Resync { reason: Reason::Connected, lsn: Lsn::new(1) };
        assert_eq!(
            serde_json::to_string(&item).unwrap(),
            r#"{"type":"resync","reason":"connected","lsn":"0/1"}"#
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let named = |schema: &str, pk: &str| {
            let table = format!(r#""schema":"{schema}","table":"t""#);
            format!(r#"{{{table},"count":1,"first_seen":"2026-11-22T10:00:00Z"{pk}}}"#)
        };
        let event = |pk: &str| named("s", pk);
        let batch = |events: &str| format!(r#"{{"type":"batch","lsn":"0/1","events":[{events}]}}"#);
        assert!(serde_json::from_str::<FeedItem>(&batch(&event(r#","newer":{}"#))).is_ok());
        let long = format!(r#","pk":[{{"name":"id","value":"{}"}}]"#, "x".repeat(Key::LONGEST));
        for json in [
            batch(""),
            batch(&named("", "")),
            batch(&named(r"a\u0000", "")),
            batch(&event(r#","pk":[]"#)),
            batch(&event(r#","pk":[{"name":"","value":1}]"#)),
            batch(&event(r#","count":2"#)),
            batch(&event("").replace("2026-11", "2026-13")),
            batch(&event("").replace("1,", "-1,")),
            batch(&event(r#","pk":[{"name":"id","value":null}]"#)),
            batch(&event(r#","pk":[{"name":"id","value":{"a":1}}]"#)),
            batch(&event(&long)),
            r#"{"type":"batch","lsn":"0/1"}"#.into(),
            r#"{"type":"resync","lsn":"0/1"}"#.into(),
            r#"{"type":"resync","reason":"bored","lsn":"0/1"}"#.into(),
            r#"{"type":"resync","reason":"connected","lsn":"1"}"#.into(),
            r#"{"type":"other","lsn":"0/1"}"#.into(),
        ] {
            assert!(serde_json::from_str::<FeedItem>(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn times_that_have_no_text_are_the_nearest_that_have_one() {
        let year = Duration::from_secs(366 * 24 * 60 * 60);
        let late = SystemTime::UNIX_EPOCH + LATEST;
        for (seen, text) in [
            (SystemTime::UNIX_EPOCH - year, "1970-01-01T00:00:00.000000Z"),
            (late + Duration::from_nanos(999), "9999-12-31T23:59:59.999999Z"),
            (late + year, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(serde_json::to_string(&Micros(seen)).unwrap(), format!("{text:?}"));
        }
    }

    #[test]
    fn settings_are_their_texts() {
        use crate::policy::{Edge, Visibility};
        let json = (Edge::Leading, Visibility::Off, PluginChoice::Auto, crate::Payload::PrimaryKey);
        let text = serde_json::to_string(&json).unwrap();
        assert_eq!(text, r#"["leading","off","auto","pk"]"#);
        let read: (Edge, Visibility, PluginChoice, crate::Payload) = serde_json::from_str(&text).unwrap();
        assert_eq!(read, json);
        let pattern: nudge_decode::TablePattern = serde_json::from_str(r#""public.*""#).unwrap();
        assert_eq!(serde_json::to_string(&pattern).unwrap(), r#""public.*""#);
        assert!(serde_json::from_str::<nudge_decode::TablePattern>(r#""users""#).is_err());
        let name: TableName = serde_json::from_str(r#"{"schema":"a.b","table":"c"}"#).unwrap();
        assert_eq!(name, TableName::new("a.b", "c"));
        assert!(serde_json::from_str::<TableName>(r#"{"schema":"a.b","table":""}"#).is_err());
    }
}
