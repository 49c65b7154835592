//! `GET /events`: the items of a feed as Server-Sent Events (WHATWG HTML, "Server-sent events").
//!
//! Every stream begins with a resync, also one that says where it had been (`Last-Event-ID`): there is no
//! history. The data of each event is the item as `pgnudge watch --output json` prints it, its id the
//! item's position. A client that does not read is not waited for: its window absorbs.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use pgnudge::{FeedItem, Reason, Subscription};
use tokio::sync::OwnedSemaphorePermit;

use crate::bridge::http::Web;
use crate::bridge::retry;
use crate::bridge::stage::Term;
use crate::item_json::ItemJson;

/// Takes a seat, or says why there is none.
pub(super) async fn stream(
    State(web): State<Web>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(term) = web.bridge.stage.term() else {
        return later("this bridge is not the active one, or its feed is not connected yet\n");
    };
    let Ok(seat) = web.seats.clone().try_acquire_owned() else {
        return later("every seat is taken\n");
    };
    let query = query.unwrap_or_default();
    let tables = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "table");
    let tables = tables.map(|(_, pattern)| pattern.into_owned());
    let items = match web.bridge.feed.subscribe(&term.hub).tables(tables).join() {
        Ok(items) => items,
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            return (StatusCode::BAD_REQUEST, format!("{error}\n{hint}\n")).into_response();
        }
    };
    let returning = headers.contains_key("last-event-id");
    let listener = Listener { items, term, returning, first: true, _seat: seat };
    let heartbeat = KeepAlive::new().interval(web.heartbeat);
    let headers = [(header::HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, Sse::new(listener.events()).keep_alive(heartbeat)).into_response()
}

/// EventSource does not try again after this by itself: whoever uses one has to.
fn later(why: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], why).into_response()
}

/// Who listens.
struct Listener {
    items: Subscription,
    term: Term,
    /// It has been here before.
    returning: bool,
    first: bool,
    _seat: OwnedSemaphorePermit,
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
        let data = serde_json::to_string(&ItemJson::from(&item)).unwrap_or_default();
        let event = Event::default().id(lsn.to_string()).data(data);
        if std::mem::take(&mut self.first) { event.retry(RETRY.mul_f64(0.5 + retry::unit())) } else { event }
    }
}

/// When a client shall come back after its stream has ended, ±50 %, so that they do not come in step.
const RETRY: Duration = Duration::from_secs(1);
