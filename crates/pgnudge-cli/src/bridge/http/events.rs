//! `GET /events`: the items of a feed as Server-Sent Events (WHATWG HTML, "Server-sent events").
//!
//! Every stream begins with a resync, also one that says where it had been (`Last-Event-ID`): there is no
//! history. The data of each event is the item as `pgnudge watch --output json` prints it, its id the
//! item's position. A client that does not read is not waited for: its window absorbs.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use pgnudge::{FeedItem, Printable, Reason, Subscription, TablePattern};

use crate::arguments::FeedArguments;
use crate::bridge::Bridge;
use crate::bridge::http::seats::later;
use crate::bridge::http::{Web, query, seats};
use crate::bridge::retry;
use crate::bridge::stage::{Role, Term};
use crate::json;

/// Takes a seat, or says why there is none. While the feed of the active bridge is not connected yet, as when it was
/// started in an outage, the seat waits: a browser would not come back to one that is refused.
pub(super) async fn stream(
    State(web): State<Web>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Role::Active { .. } = web.bridge.stage.role() else {
        return later(elsewhere(&web.peers));
    };
    let Some(seat) = web.seats.take() else { return seats::full() };
    let bridge = Arc::clone(&web.bridge);
    let tables = match tables(&query.unwrap_or_default(), &bridge.feed) {
        Ok(tables) => tables,
        Err(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
    };
    let returning = headers.contains_key("last-event-id");
    seat.serve(Listener { bridge, tables, returning, hears: None, greeted: false }.events())
}

/// Where to go from a bridge that is not the active one.
fn elsewhere(peers: &[String]) -> String {
    if peers.is_empty() {
        return "this bridge is not the active one: ask that one, or again\n".to_owned();
    }
    format!("this bridge is not the active one: ask {}, or again\n", peers.join(" or "))
}

/// The tables that a client asks for; none: all that the feed tells of. A client that asks for others would wait, and
/// believe that nothing changes.
fn tables(query: &str, feed: &FeedArguments) -> Result<Vec<TablePattern>, String> {
    if let Some(name) = query::unknown(query, &["table", "access_token"]) {
        return Err(format!("there is no parameter {name:?}: there are table and access_token\n"));
    }
    let pattern = |text: String| {
        let pattern = text
            .parse::<TablePattern>()
            .map_err(|error| format!("{}\n{}\n", Printable(&error), Printable(error.hint())))?;
        if feed.covers(&pattern) {
            Ok(pattern)
        } else {
            let pattern = Printable(pattern);
            Err(format!("this bridge does not tell of every table that {pattern} names: see its --table\n"))
        }
    };
    let texts = patterns(query).map_err(|why| format!("{why}\n"))?;
    texts.into_iter().map(pattern).collect()
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
    bridge: Arc<Bridge>,
    tables: Vec<TablePattern>,
    /// It has been here before.
    returning: bool,
    /// `None`: the feed is not there yet.
    hears: Option<(Subscription, Term)>,
    greeted: bool,
}

impl Listener {
    /// Until the term is over: then the client has to ask again, and is told to resync.
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, |mut listener| async move {
            if listener.waits() && !std::mem::replace(&mut listener.greeted, true) {
                return Some((
                    Ok(Event::default().retry(retry_time()).comment("the feed is not connected yet")),
                    listener,
                ));
            }
            let (first, (items, term)) = match &mut listener.hears {
                Some(hears) => (false, hears),
                None => {
                    let hears = listener.sit_down().await?;
                    (true, listener.hears.insert(hears))
                }
            };
            let item = tokio::select! {
                biased;
                () = term.over() => return None,
                item = items.next() => item?,
            };
            let event = if first { listener.first(item) } else { event(&item) };
            Some((Ok(event), listener))
        })
    }

    fn waits(&self) -> bool {
        self.hears.is_none() && self.bridge.stage.term().is_none()
    }

    /// Waits for the feed. `None`: this is not the active bridge any more.
    async fn sit_down(&self) -> Option<(Subscription, Term)> {
        let mut roles = self.bridge.stage.roles();
        let decided = |role: &Role| !matches!(role, Role::Active { term: None, .. });
        roles.wait_for(decided).await.ok()?;
        listen(&self.bridge, &self.tables)
    }

    fn first(&self, item: FeedItem) -> Event {
        let item = match item {
            FeedItem::Resync { lsn, .. } if self.returning => {
                FeedItem::Resync { reason: Reason::Reconnected, lsn }
            }
            item => item,
        };
        event(&item).retry(retry_time())
    }
}

/// Takes part in the feed, if there is one.
fn listen(bridge: &Bridge, tables: &[TablePattern]) -> Option<(Subscription, Term)> {
    let (term, feed) = (bridge.stage.term()?, &bridge.feed);
    let subscription = feed.subscription(&term.hub).max_pending(feed.max_pending().min(LARGEST_ITEM));
    let subscription = if tables.is_empty() { subscription } else { subscription.tables(tables) };
    Some((subscription.subscribe().ok()?, term))
}

/// The same, for all tables.
pub(super) fn all(bridge: &Bridge) -> Option<(Subscription, Term)> {
    listen(bridge, &[])
}

fn event(item: &FeedItem) -> Event {
    // Texts and numbers always have a JSON form, without a line end in it.
    Event::default().id(item.lsn().to_string()).data(json::line(item).unwrap_or_default())
}

fn retry_time() -> Duration {
    RETRY.mul_f64(0.5 + retry::unit())
}

/// As many as a page is about.
const MAX_PATTERNS: usize = 100;
/// Two names of the server's, quoted and doubled, have less than 300 bytes.
const LONGEST_PATTERN: usize = 512;

/// Tables or rows of one item; more are a resync. A client that does not read holds one item in its window and one on
/// its way, and there may be thousands of such clients.
const LARGEST_ITEM: usize = 256;

/// When a client shall come back after its stream has ended, ±50 %, so that they do not come in step.
const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use clap::Parser;

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

    /// The feed's own command line.
    #[derive(clap::Parser)]
    struct OfFeed {
        #[command(flatten)]
        feed: FeedArguments,
    }

    #[test]
    fn a_listener_asks_for_what_the_feed_tells_of() {
        let of = |flags: &[&str]| OfFeed::parse_from([&["bridge"], flags].concat()).feed;
        let narrow = of(&["--table=public.a,audit.*"]);
        for fine in ["", "table=public.a", "table=audit.log&table=audit.*"] {
            assert!(tables(fine, &narrow).is_ok(), "{fine}");
        }
        for other in ["table=public.b", "table=public.*", "table=audit.log&table=*.*"] {
            assert!(tables(other, &narrow).unwrap_err().contains("--table"), "{other}");
            assert!(tables(other, &of(&[])).is_ok(), "{other}");
        }
    }
}
