//! `GET /status` and the page that shows it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header;
use axum::response::sse::Event;
use axum::response::{Html, IntoResponse, Response};
use pgnudge::{Error, Status, Subscription};
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior};

use crate::bridge::board::Picture;
use crate::bridge::http::{Web, events, seats};
use crate::bridge::stage::{Role, Term};
use crate::json;

/// The page. It loads nothing from anywhere else.
pub(super) async fn page() -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                  connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, Html(include_str!("page.html"))).into_response()
}

/// The state now, and then once a second until the client goes; and between these, under the name `item`, what a
/// listener of all tables hears. A browser has six connections to a host, so that a page has one stream.
pub(super) async fn stream(State(web): State<Web>) -> Response {
    let Some(seat) = web.seats.take() else { return seats::full() };
    let mut clock = tokio::time::interval(SECOND);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let onlooker = Onlooker { web, clock, hears: None };
    let events = futures::stream::unfold(onlooker, |mut onlooker| async move {
        Some((Ok::<_, Infallible>(onlooker.next().await), onlooker))
    });
    seat.serve(events)
}

/// Who looks at the page.
struct Onlooker {
    web: Web,
    clock: Interval,
    /// `None`: there is no feed to listen to.
    hears: Option<(Subscription, Term)>,
}

impl Onlooker {
    async fn next(&mut self) -> Event {
        loop {
            let hears = async {
                match &mut self.hears {
                    None => std::future::pending().await,
                    Some((items, term)) => tokio::select! {
                        biased;
                        () = term.over() => None,
                        item = items.next() => item,
                    },
                }
            };
            tokio::select! {
                biased;
                _ = self.clock.tick() => {
                    self.hears = self.hears.take().or_else(|| events::all(&self.web.bridge));
                    let report = self.web.latest.report(Instant::now(), || self.web.report());
                    return Event::default().data(report);
                }
                item = hears => match item {
                    Some(item) => return Event::default().event("item").data(json::line(&item).unwrap_or_default()),
                    None => self.hears = None,
                },
            }
        }
    }
}

/// The report, made at most twice a second however many look.
#[derive(Default)]
pub(super) struct Latest(Mutex<Option<(Instant, Arc<str>)>>);

impl Latest {
    fn report(&self, now: Instant, make: impl FnOnce() -> Report) -> Arc<str> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some((made, report)) if now.saturating_duration_since(*made) < SECOND / 2 => Arc::clone(report),
            _ => {
                let report = Arc::from(json::line(&make()).unwrap_or_default());
                *latest = Some((now, Arc::clone(&report)));
                report
            }
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// What the page is told.
#[derive(Serialize)]
struct Report {
    state: &'static str,
    /// A sentence about it.
    detail: String,
    /// Hosts and ports, the database, and what the feed is called.
    server: String,
    database: String,
    feed: Option<String>,
    plugin: Option<&'static str>,
    slot: Option<String>,
    backend_pid: Option<i32>,
    /// Seconds of this term.
    term: Option<u64>,
    ha: bool,
    /// Where the other bridges of the group serve.
    peers: Vec<String>,
    notify: Option<Notify>,
    subscribers: usize,
    max_subscribers: usize,
    version: &'static str,
    #[serde(flatten)]
    picture: Picture,
}

#[derive(Serialize)]
struct Notify {
    channel: String,
    connected: bool,
}

impl Web {
    fn report(&self) -> Report {
        let bridge = &self.bridge;
        let role = bridge.stage.role();
        let (plugin, slot, backend_pid) = match &role {
            Role::Active { status, .. } => match &*status.borrow() {
                Status::Streaming { slot, backend_pid, plugin, .. } => {
                    (Some(plugin.name()), Some(slot.to_string()), Some(*backend_pid))
                }
                _ => (None, None, None),
            },
            _ => (None, None, None),
        };
        Report {
            state: role.word(),
            detail: detail(&role),
            server: bridge.source.server.clone(),
            database: bridge.source.database.clone(),
            feed: bridge.feed.name().map(str::to_owned),
            plugin,
            slot,
            backend_pid,
            term: bridge.stage.term().map(|term| term.age().as_secs()),
            ha: bridge.lock.is_some(),
            peers: self.peers.to_vec(),
            notify: bridge.notifier.as_ref().map(|notifier| Notify {
                channel: notifier.channel().to_owned(),
                connected: notifier.is_connected(),
            }),
            subscribers: self.seats.occupied(),
            max_subscribers: self.seats.max(),
            version: env!("CARGO_PKG_VERSION"),
            picture: bridge.board.picture(),
        }
    }
}

fn detail(role: &Role) -> String {
    let status = match role {
        Role::Connecting => return "Connecting to the server.".into(),
        Role::BackingOff { error, attempt, .. } => {
            return format!(
                "Whether another bridge is active is not known. Attempt {attempt} failed: {}",
                with_remedy(error)
            );
        }
        Role::Standby => {
            return "Another bridge is active. This one takes over when that one is gone.".into();
        }
        Role::Active { status, .. } => status,
    };
    match &*status.borrow() {
        Status::Connecting { attempt: 0 } => "Connecting to the server.".into(),
        Status::Connecting { attempt } => format!("Connecting again, after {attempt} failures in a row."),
        Status::WaitingForSlot { blocker: None, .. } => "Waiting for the replication slot.".into(),
        Status::WaitingForSlot { blocker: Some(blocker), .. } => {
            format!("Waiting for the replication slot, behind {blocker}.")
        }
        Status::Streaming { unchecked: Some(error), .. } => {
            format!("Live; items are not checked for visibility: {error}.")
        }
        Status::Streaming { .. } => "Live: every commit nudges.".into(),
        Status::BackingOff { error, .. } => with_remedy(error),
        Status::Closed => "The feed is closed.".into(),
        _ => String::new(),
    }
}

fn with_remedy(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}. Remedy: {hint}."),
        None => format!("{error}."),
    }
}
