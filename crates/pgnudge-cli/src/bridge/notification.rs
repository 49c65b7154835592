//! What is said with NOTIFY (manual, "NOTIFY"): payloads, and the statement that sends them.

use std::str::FromStr;

use pgnudge::{Event, FeedItem, Lsn, Reason};

use crate::bridge::arguments::Format;
use crate::json;

/// The name of a channel, which is an identifier of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channel(String);

impl Channel {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Channel {
    type Err = &'static str;

    /// `pg_notify` takes what an identifier can be: 1 to 63 bytes (`NAMEDATALEN`).
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name.is_empty() || name.len() > 63 || name.contains('\0') {
            return Err("a channel's name has 1 to 63 bytes");
        }
        Ok(Self(name.to_owned()))
    }
}

/// The payloads of an item, in order. None is longer than the server takes.
pub(crate) fn payloads(item: &FeedItem, format: Format) -> Vec<String> {
    let payloads = match format {
        Format::Text => texts(item),
        Format::Json => objects(item),
    };
    if payloads.iter().all(|payload| payload.len() <= LONGEST) {
        return payloads;
    }
    // A name that an application made up, or a key, is longer than a payload can be.
    let (FeedItem::Resync { lsn, .. } | FeedItem::Batch { lsn, .. }) = *item;
    self::payloads(&FeedItem::Resync { reason: Reason::Overflow, lsn }, format)
}

/// What follows a gap of the session.
pub(crate) fn resync(lsn: Lsn) -> FeedItem {
    FeedItem::Resync { reason: Reason::Reconnected, lsn }
}

fn texts(item: &FeedItem) -> Vec<String> {
    match item {
        // No table has this name: there is a dot in each.
        FeedItem::Resync { .. } => vec!["*".into()],
        FeedItem::Batch { events, .. } => events.iter().map(text).collect(),
    }
}

/// A row whose key is too long is told as its table.
fn text(event: &Event) -> String {
    let payload = event.payload();
    if payload.len() > LONGEST { event.table.as_str().to_owned() } else { payload.into_owned() }
}

/// As few objects as the limit allows, each complete.
fn objects(item: &FeedItem) -> Vec<String> {
    let FeedItem::Batch { events, lsn } = item else { return vec![object(item)] };
    let envelope = object(&FeedItem::Batch { lsn: *lsn, events: Vec::new() }).len();
    let (mut objects, mut open, mut length) = (Vec::new(), Vec::new(), envelope);
    for event in events {
        let more = object(event).len() + 1;
        if length + more > LONGEST && !open.is_empty() {
            objects.push(object(&FeedItem::Batch { lsn: *lsn, events: std::mem::take(&mut open) }));
            length = envelope;
        }
        length += more;
        open.push(event.clone());
    }
    objects.push(object(&FeedItem::Batch { lsn: *lsn, events: open }));
    objects
}

/// Texts and numbers always have a JSON form.
fn object(value: &impl serde::Serialize) -> String {
    json::line(value).unwrap_or_default()
}

/// One statement, and so one transaction: whoever listens gets all payloads of an item or none. Its
/// answer is one row, however many there are.
pub(crate) fn statement(channel: &Channel, payloads: &[String]) -> String {
    let channel = literal(&channel.0);
    let values: Vec<_> = payloads.iter().map(|payload| literal(payload)).collect();
    let values = values.join(", ");
    format!(
        "SELECT pg_catalog.count(pg_catalog.pg_notify({channel}, p)) \
         FROM pg_catalog.unnest(ARRAY[{values}]::pg_catalog.text[]) AS p"
    )
}

/// Means the same whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The server takes less than 8,000 bytes (`NOTIFY_PAYLOAD_MAX_LENGTH`).
const LONGEST: usize = 7_999;

#[cfg(test)]
mod tests {
    use super::*;
    use pgnudge::TableName;
    use serde_json::Value;
    use std::time::SystemTime;

    fn batch(names: impl IntoIterator<Item = (String, String)>) -> FeedItem {
        let event = |(schema, table): (String, String)| {
            Event::new(TableName::new(&schema, &table), SystemTime::UNIX_EPOCH, 3)
        };
        let events = names.into_iter().map(event);
        FeedItem::Batch { events: events.collect(), lsn: Lsn::new(0x1A2B) }
    }

    #[test]
    fn text_is_one_payload_per_table() {
        let item = batch([("public".into(), "it's".into()), ("s".into(), "t".into())]);
        assert_eq!(payloads(&item, Format::Text), ["public.it's", "s.t"]);
        assert_eq!(payloads(&resync(Lsn::ZERO), Format::Text), ["*"]);
    }

    #[test]
    fn json_is_split_and_nothing_is_lost_or_said_twice() {
        let names: Vec<_> = (0..300).map(|n| ("public".to_owned(), format!("table \"{n}\""))).collect();
        let all = payloads(&batch(names.clone()), Format::Json);
        assert!(all.len() > 3 && all.iter().all(|payload| payload.len() <= LONGEST), "{}", all.len());
        let told = all.iter().flat_map(|payload| {
            let value: Value = serde_json::from_str(payload).unwrap();
            assert_eq!((&value["type"], &value["lsn"]), (&"batch".into(), &"0/1A2B".into()));
            value["events"].as_array().unwrap().iter().map(|event| event["table"].clone()).collect::<Vec<_>>()
        });
        let expected: Vec<_> = names.iter().map(|(_, table)| Value::from(table.as_str())).collect();
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_exactly_as_long_as_the_limit_goes_out_and_what_is_longer_is_a_resync() {
        let exact = batch([("s".into(), "x".repeat(LONGEST - 2))]);
        assert_eq!(payloads(&exact, Format::Text)[0].len(), LONGEST);
        let item = batch([("s".into(), "x".repeat(LONGEST - 1)), ("s".into(), "t".into())]);
        assert_eq!(payloads(&item, Format::Text), ["*"]);
        let object: Value = serde_json::from_str(&payloads(&item, Format::Json)[0]).unwrap();
        assert_eq!((&object["type"], &object["reason"]), (&"resync".into(), &"overflow".into()));
    }

    #[test]
    fn literals_are_closed_whatever_they_hold() {
        assert_eq!(literal(r"it's \' "), r"E'it''s \\'' '");
        let sql = statement(&"c'".parse().unwrap(), &["a".into(), "b".into()]);
        assert!(sql.contains("pg_notify(E'c''', p)") && sql.contains("ARRAY[E'a', E'b']"), "{sql}");
    }

    #[test]
    fn a_channel_is_what_the_server_takes() {
        for name in ["", &"x".repeat(64), "a\0b"] {
            assert!(name.parse::<Channel>().is_err(), "{name:?}");
        }
        assert!("x".repeat(63).parse::<Channel>().is_ok());
    }
}
