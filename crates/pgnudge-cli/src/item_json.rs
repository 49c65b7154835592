//! Items as JSON: the form that other programs rely on.

use std::time::SystemTime;

use pgnudge::{Event, FeedItem};
use serde::{Serialize, Serializer};

/// One item. The order of the fields is part of the form.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ItemJson<'a> {
    Resync { reason: &'static str, lsn: String },
    Batch { lsn: String, events: Vec<EventJson<'a>> },
}

#[derive(Serialize)]
pub(crate) struct EventJson<'a> {
    payload: &'a str,
    schema: &'a str,
    table: &'a str,
    count: u64,
    #[serde(serialize_with = "rfc3339")]
    first_seen: SystemTime,
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
        let table = &event.table;
        Self {
            payload: table.as_str(),
            schema: table.schema(),
            table: table.table(),
            count: event.count,
            first_seen: event.first_seen,
        }
    }
}

/// Microseconds in UTC: `2026-11-22T10:00:00.123456Z`.
fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_micros(*time))
}
