//! Items and states as text, so that an expectation reads like a sentence.

use std::collections::BTreeMap;

use nudge_engine::FeedItem;
use nudge_engine::runtime::Status;

/// `connected`, or `public.a 2, public.b:7 1`: the reason, or each payload with its count, in order.
pub fn wakeup(item: &FeedItem) -> String {
    match item {
        FeedItem::Resync { reason, .. } => reason.to_string(),
        FeedItem::Batch { events, .. } => {
            let events = events.iter().map(|event| format!("{} {}", event.payload(), event.count));
            events.collect::<Vec<_>>().join(", ")
        }
    }
}

/// How often each table, or row, changed. A Resync tells nothing of that.
pub fn counts(item: &FeedItem) -> BTreeMap<String, u64> {
    match item {
        FeedItem::Resync { .. } => BTreeMap::new(),
        FeedItem::Batch { events, .. } => {
            events.iter().map(|event| (event.payload().into_owned(), event.count)).collect()
        }
    }
}

/// The position that an item carries.
pub fn position(item: &FeedItem) -> u64 {
    match item {
        FeedItem::Resync { lsn, .. } | FeedItem::Batch { lsn, .. } => lsn.get(),
    }
}

/// `connecting`, `waiting for the slot`, `streaming`, or `backing off: ` and the error.
pub fn told(status: &Status) -> String {
    match status {
        Status::Connecting { .. } => "connecting".into(),
        Status::WaitingForSlot { .. } => "waiting for the slot".into(),
        Status::Streaming { .. } => "streaming".into(),
        Status::BackingOff { error, .. } => format!("backing off: {error}"),
        Status::Closed => "closed".into(),
        other => format!("{other:?}"),
    }
}
