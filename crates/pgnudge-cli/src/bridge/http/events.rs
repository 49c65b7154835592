//! `GET /events`: the items of a feed as Server-Sent Events (WHATWG HTML, "Server-sent events").
//!
//! Every stream begins with a resync, also one that says where it had been (`Last-Event-ID`): there is no
//! history. The data of each event is the item as `pgnudge watch --output json` prints it, its id the
//! item's position. A client that does not read is not waited for: its window absorbs.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use pgnudge::{FeedItem, Reason, Subscription};

use crate::bridge::http::seats::later;
use crate::bridge::http::{Web, query, seats};
use crate::bridge::retry;
use crate::bridge::stage::Term;
use crate::item_json::ItemJson;
use crate::json;

/// Takes a seat, or says why there is none.
pub(super) async fn stream(
    State(web): State<Web>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(term) = web.bridge.stage.term() else {
        return later("this bridge is not the active one, or its feed is not connected yet\n");
    };
    let Some(seat) = web.seats.take() else { return seats::full() };
    let tables = match patterns(&query.unwrap_or_default()) {
        Ok(tables) => tables,
        Err(why) => return (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
    };
    let items = match web.bridge.feed.subscribe(&term.hub).tables(tables).join() {
        Ok(items) => items,
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            return (StatusCode::BAD_REQUEST, format!("{error}\n{hint}\n")).into_response();
        }
    };
    let returning = headers.contains_key("last-event-id");
    let listener = Listener { items, term, returning, first: true };
    seat.serve(listener.events())
}

/// The tables that a client asks for. A change is compared with each pattern of each listener, so a listener has
/// not many.
fn patterns(query: &str) -> Result<Vec<String>, String> {
    let mut patterns = Vec::new();
    for pattern in query::values(query, "table") {
        let pattern = pattern.map_err(|_| "a table pattern is not UTF-8 behind its percent signs")?;
        if pattern.len() > LONGEST_PATTERN {
            return Err(format!("a table pattern has at most {LONGEST_PATTERN} bytes"));
        }
        if patterns.len() == MAX_PATTERNS {
            return Err(format!(
                "a listener has at most {MAX_PATTERNS} table patterns: schema.* and *.* name many tables at once"
            ));
        }
        patterns.push(pattern);
    }
    Ok(patterns)
}

/// Who listens.
struct Listener {
    items: Subscription,
    term: Term,
    /// It has been here before.
    returning: bool,
    first: bool,
}

impl Listener {
    /// Until the term is over: then the client has to ask again, and is told to resync.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, |mut listener| async move {
            let item = tokio::select! {
                biased;
                () = listener.term.over() => return None,
                item = listener.items.next() => item,
            };
            let event = listener.event(item);
            Some((Ok(event), listener))
        })
    }

    fn event(&mut self, item: FeedItem) -> Event {
        let item = match item {
            FeedItem::Resync { lsn, .. } if self.first && self.returning => {
                FeedItem::Resync { reason: Reason::Reconnected, lsn }
            }
            item => item,
        };
        let (FeedItem::Resync { lsn, .. } | FeedItem::Batch { lsn, .. }) = &item;
        // Texts and numbers always have a JSON form, without a line end in it.
        let data = json::line(&ItemJson::from(&item)).unwrap_or_default();
        let event = Event::default().id(lsn.to_string()).data(data);
        if std::mem::take(&mut self.first) { event.retry(RETRY.mul_f64(0.5 + retry::unit())) } else { event }
    }
}

/// As many as a page is about.
const MAX_PATTERNS: usize = 100;
/// Two names of the server's, quoted and doubled, have less than 300 bytes.
const LONGEST_PATTERN: usize = 512;

/// When a client shall come back after its stream has ended, ±50 %, so that they do not come in step.
const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_has_few_patterns_and_short_ones() {
        let many = |n: usize| vec!["table=s.t"; n].join("&");
        assert_eq!(patterns(&many(MAX_PATTERNS)).unwrap().len(), MAX_PATTERNS);
        assert!(patterns(&many(MAX_PATTERNS + 1)).unwrap_err().contains("at most 100"));
        let long = |n: usize| format!("table={}", "x".repeat(n));
        assert!(patterns(&long(LONGEST_PATTERN)).is_ok());
        assert!(patterns(&long(LONGEST_PATTERN + 1)).unwrap_err().contains("512 bytes"));
        assert!(patterns("table=public.%FF").unwrap_err().contains("UTF-8"));
        assert!(patterns("access_token=%FF").unwrap().is_empty());
    }
}
