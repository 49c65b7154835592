//! One feed for many consumers of a process.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use nudge_engine::policy::Edge;
use nudge_engine::{Knobs, runtime};
use tokio::sync::watch;

use crate::tables::Tables;
use crate::{Error, Feed, FeedItem, Status, TablePattern};

/// Shares one feed, and so one connection and one decoding pass, among any number of subscribers.
///
/// Each subscriber has a filter, a window and a pending item of its own: a slow one harms nobody, and
/// costs the memory of the tables that changed meanwhile. One that joins late starts with a
/// [`Resync`](FeedItem::Resync).
///
/// ```no_run
/// use std::time::Duration;
/// use pgnudge::{Feed, Hub};
///
/// # async fn run() -> Result<(), pgnudge::Error> {
/// // The windows are the subscribers'; the feed passes everything on at once.
/// let hub = Hub::new(Feed::builder("postgres://nudger@db/app").debounce(Duration::ZERO).connect().await?);
/// let mut orders = hub.subscription().tables(["public.orders"]).subscribe()?;
/// let mut audit = hub.subscription().tables(["audit.*"]).debounce(Duration::from_secs(5)).subscribe()?;
/// tokio::select! {
///     item = orders.next() => println!("orders: {item:?}"),
///     item = audit.next() => println!("audit: {item:?}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// Cloning is cheap. The feed lives as long as a hub or a subscription of it does.
#[derive(Clone, Debug)]
pub struct Hub(runtime::Hub);

impl Hub {
    /// Takes a feed over. Its filter and its window come before those of the subscribers.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(feed: Feed) -> Self {
        Self(runtime::Hub::new(feed.0))
    }

    /// Begins to describe a subscription.
    pub fn subscription(&self) -> SubscriptionBuilder {
        SubscriptionBuilder { hub: self.0.clone(), tables: Tables::default(), knobs: Knobs::default() }
    }

    /// Closes the feed now, though there are subscriptions. They are told what they have not taken yet, and then they
    /// end.
    pub fn close(&self) {
        self.0.close();
    }

    /// What the connection of the feed is doing, now and from now on. After [`close`](Self::close) it is
    /// [`Status::Closed`].
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.status()
    }

    /// How many subscriptions there are.
    pub fn subscribers(&self) -> usize {
        self.0.subscribers()
    }
}

/// What a subscriber says about its items. The defaults are those of a feed.
#[derive(Clone, Debug)]
#[must_use]
pub struct SubscriptionBuilder {
    hub: runtime::Hub,
    tables: Tables,
    knobs: Knobs,
}

impl SubscriptionBuilder {
    /// Only these tables, of those that the feed tells of; see [`FeedBuilder::tables`](crate::FeedBuilder::tables).
    ///
    /// The feed has to report every table that these patterns name: otherwise [`subscribe`](Self::subscribe) returns an
    /// error, because changes of the others never arrive. Only a pattern of the feed that matches no table is logged, so
    /// give the feed the tables' names, too, to notice a misspelled one.
    pub fn tables(
        mut self,
        patterns: impl IntoIterator<Item: TryInto<TablePattern, Error: Into<Error>>>,
    ) -> Self {
        self.tables.add(patterns);
        self
    }

    /// The quiet time that closes a window. Default 50 ms.
    pub fn debounce(mut self, debounce: Duration) -> Self {
        self.knobs.debounce = debounce;
        self
    }

    /// The longest time that a window stays open. Default 20 × `debounce`.
    pub fn max_batch_wait(mut self, wait: Duration) -> Self {
        self.knobs.max_batch_wait = Some(wait);
        self
    }

    /// Which end of a burst of changes wakes. Default trailing.
    pub fn edge(mut self, edge: Edge) -> Self {
        self.knobs.edge = edge;
        self
    }

    /// A Resync whenever there was none for this long. Default: off.
    pub fn failsafe(mut self, interval: Duration) -> Self {
        self.knobs.failsafe = Some(interval);
        self
    }

    /// How many distinct tables (or rows, if the feed tells those) a window holds before it becomes a
    /// Resync. Default 8192.
    pub fn max_pending(mut self, identities: usize) -> Self {
        self.knobs.max_pending = identities;
        self
    }

    /// Takes a seat. The first item is a [`Resync`](FeedItem::Resync): everything is to be fetched. On a hub that is
    /// [closed](Hub::close) the subscription ends at once.
    ///
    /// # Errors
    /// A pattern or a knob that is wrong, or a pattern that names tables which the feed does not tell of.
    pub fn subscribe(mut self) -> Result<Subscription, Error> {
        self.knobs.tables = self.tables.filter()?;
        self.hub.subscribe(&self.knobs).map(Subscription)
    }
}

/// A subscriber's items. It is also a [`futures::Stream`](https://docs.rs/futures/latest/futures/stream/trait.Stream.html), which ends when the hub is [closed](Hub::close). Dropping it
/// gives up the seat.
#[derive(Debug)]
pub struct Subscription(pub(crate) runtime::Subscription);

impl Subscription {
    /// Waits for the next item. `None`: the hub was closed, and there is none any more. Cancel-safe.
    ///
    /// # Panics
    /// As [`Feed::next`].
    pub async fn next(&mut self) -> Option<FeedItem> {
        self.0.next().await
    }

    /// What the connection of the hub's feed is doing, as [`Hub::status`] tells it.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.status()
    }
}

impl Stream for Subscription {
    type Item = FeedItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}
