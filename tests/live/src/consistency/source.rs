//! Where a subscriber's items come from: a feed, or a seat at the hub of one.

use std::time::Duration;

use pgnudge::{Feed, FeedBuilder, FeedItem, Hub, Status, Subscription};
use tokio::sync::watch;

use crate::Failure;
use crate::consistency::manner::{Manner, Seat, Servers};
use crate::consistency::subscriber::Subscriber;

/// A feed, or a seat at the hub of one.
pub(crate) enum Source {
    Feed(Box<Feed>),
    Hub(Hub, Subscription),
}

impl Source {
    /// As the subscriber's manner is; with what the feed is doing.
    pub(crate) async fn connect(subscriber: &Subscriber) -> Result<(Self, watch::Receiver<Status>), Failure> {
        let manner = &subscriber.manner;
        let builder = builder(subscriber);
        let status = builder.status();
        let mut feed = builder.connect().await?;
        let Some(seat) = manner.hub else { return Ok((Self::Feed(Box::new(feed)), status)) };
        if seat == Seat::AfterTheFirstItem {
            feed.next().await;
        }
        let hub = Hub::new(feed);
        let seat = sit_down(&hub, manner)?;
        Ok((Self::Hub(hub, seat), status))
    }

    pub(crate) async fn next(&mut self) -> FeedItem {
        match self {
            Self::Feed(feed) => feed.next().await,
            Self::Hub(_, seat) => match seat.next().await {
                Some(item) => item,
                None => std::future::pending().await,
            },
        }
    }

    /// For several consumers.
    pub(crate) fn into_hub(self) -> Hub {
        match self {
            Self::Feed(feed) => Hub::new(*feed),
            Self::Hub(hub, _) => hub,
        }
    }

    /// Gives up the seat and takes another one. A feed stays.
    pub(crate) fn rejoin(&mut self, manner: &Manner) -> Result<(), Failure> {
        if let Self::Hub(hub, seat) = self {
            *seat = sit_down(hub, manner)?;
        }
        Ok(())
    }
}

/// The feed's part. Before a hub it has no window.
fn builder(subscriber: &Subscriber) -> FeedBuilder {
    let manner = &subscriber.manner;
    // A hub of many has seats with other filters.
    let shared = manner.hub.is_some() && manner.servers == Servers::Both;
    let patterns = if shared { Vec::new() } else { manner.scope.patterns() };
    let mut builder = Feed::builder(subscriber.text())
        .plugin(subscriber.plugin)
        .transaction_markers(subscriber.has_markers())
        .edge(manner.edge);
    if !patterns.is_empty() {
        builder = builder.tables(patterns);
    }
    if manner.impatient {
        builder = builder
            .status_interval(STATUS)
            .liveness_timeout(Some(LIVENESS))
            .connect_timeout(CONNECT)
            .slot_timeout(CONNECT)
            .backoff(Duration::from_millis(5), Duration::from_millis(50));
    }
    if manner.hub.is_some() {
        return builder.debounce(Duration::ZERO).max_pending(usize::MAX);
    }
    if let Some(debounce) = manner.debounce {
        builder = builder.debounce(debounce);
    }
    if let Some(max_pending) = manner.max_pending {
        builder = builder.max_pending(max_pending);
    }
    match manner.failsafe {
        Some(failsafe) => builder.failsafe(failsafe),
        None => builder,
    }
}

pub(crate) fn sit_down(hub: &Hub, manner: &Manner) -> Result<Subscription, Failure> {
    let (mut seat, patterns) = (hub.subscription().edge(manner.edge), manner.scope.patterns());
    if !patterns.is_empty() {
        seat = seat.tables(patterns);
    }
    if let Some(debounce) = manner.debounce {
        seat = seat.debounce(debounce);
    }
    if let Some(max_pending) = manner.max_pending {
        seat = seat.max_pending(max_pending);
    }
    if let Some(failsafe) = manner.failsafe {
        seat = seat.failsafe(failsafe);
    }
    Ok(seat.subscribe()?)
}

const STATUS: Duration = Duration::from_millis(200);
/// Longer than any stall, so that some faults are noticed and others are sat out.
const LIVENESS: Duration = Duration::from_millis(800);
const CONNECT: Duration = Duration::from_secs(2);
