//! One feed for many consumers of a process.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use nudge_engine::policy::Edge;
use nudge_engine::{Knobs, runtime};

use crate::builder::filter;
use crate::{Error, Feed, FeedItem};

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
/// let mut orders = hub.subscribe().tables(["public.orders"]).join()?;
/// let mut audit = hub.subscribe().tables(["audit.*"]).debounce(Duration::from_secs(5)).join()?;
/// tokio::select! {
///     item = orders.next() => println!("orders: {item:?}"),
///     item = audit.next() => println!("audit: {item:?}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// Cloning is cheap. The feed lives as long as a hub or a subscription of it does.
#[derive(Clone)]
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
    pub fn subscribe(&self) -> Subscribe {
        Subscribe { hub: self.0.clone(), tables: Vec::new(), knobs: Knobs::default() }
    }

    /// Closes the feed now, though there are subscriptions. They are told what they have not taken yet, and
    /// then nothing for ever.
    pub fn close(&self) {
        self.0.close();
    }

    /// How many subscriptions there are.
    pub fn subscribers(&self) -> usize {
        self.0.subscribers()
    }
}

/// What a subscriber says about its items. The defaults are those of a feed.
#[must_use]
pub struct Subscribe {
    hub: runtime::Hub,
    tables: Vec<String>,
    knobs: Knobs,
}

impl Subscribe {
    /// Only these tables; see [`Builder::tables`](crate::Builder::tables).
    pub fn tables(mut self, patterns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.tables.extend(patterns.into_iter().map(Into::into));
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

    /// Takes a seat. The first item is `Resync(Connected)`.
    ///
    /// # Errors
    /// A pattern or a knob that is wrong.
    pub fn join(mut self) -> Result<Subscription, Error> {
        self.knobs.tables = filter(&self.tables)?;
        self.hub.subscribe(&self.knobs).map(Subscription)
    }
}

/// A subscriber's items. It is also a [`futures::Stream`] that never ends. Dropping it gives up the seat.
pub struct Subscription(runtime::Subscription);

impl Subscription {
    /// Waits for the next item. Cancel-safe.
    ///
    /// # Panics
    /// As [`Feed::next`].
    pub async fn next(&mut self) -> FeedItem {
        self.0.next().await
    }
}

impl Stream for Subscription {
    type Item = FeedItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}
