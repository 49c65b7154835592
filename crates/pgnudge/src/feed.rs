//! The feed, as programs hold it.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use nudge_engine::runtime;
use tokio::sync::watch;

use crate::{FeedBuilder, FeedItem, Status};

/// Wakeups of one database, for as long as it is kept.
///
/// A feed never ends by itself: a connection that is lost is made again, and a
/// [`Resync`](FeedItem::Resync) says so. Dropping it closes the connection at once, and with the
/// connection the server drops the slot.
///
/// It is also a [`futures::Stream`](https://docs.rs/futures/latest/futures/stream/trait.Stream.html) that never ends.
#[derive(Debug)]
pub struct Feed(pub(crate) runtime::Feed);

impl Feed {
    /// Begins to describe a feed. `connection` is what `psql` accepts: a URI
    /// (`postgres://user@host/database`), key=value text (`host=db user=me`), or nothing: then
    /// everything comes from `PG*` variables, the service file and defaults.
    pub fn builder(connection: impl Into<String>) -> FeedBuilder {
        FeedBuilder::new(connection.into())
    }

    /// Waits for the next item. Cancel-safe: an item is taken, or it stays for the next call.
    ///
    /// # Panics
    /// If the feed's own task panicked, which is a bug of pgnudge, or if the runtime that it ran on
    /// was shut down. Failures of the connection do not panic: they are retried, and
    /// [`status`](Self::status) shows them.
    pub async fn next(&mut self) -> FeedItem {
        self.0.next().await
    }

    /// Whether changes have arrived that no item was delivered for yet: they are in an open window, or wait until
    /// they are visible.
    pub fn has_pending(&self) -> bool {
        self.0.has_pending()
    }

    /// What the connection is doing, now and from now on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.status()
    }
}

impl Stream for Feed {
    type Item = FeedItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FeedItem>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    fn is_shared<T: Send + Sync>() {}

    #[test]
    fn what_programs_hold_goes_anywhere() {
        is_shared::<crate::Feed>();
        is_shared::<crate::FeedBuilder>();
        is_shared::<crate::Hub>();
        is_shared::<crate::Subscription>();
        is_shared::<crate::Live<String>>();
        is_shared::<crate::Epochs>();
        is_shared::<crate::Error>();
    }
}
