//! A value that keeps itself fresh.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use nudge_engine::policy::{Backoff, Edge};
use nudge_engine::runtime;

use crate::{Error, Hub, LiveError, LiveState, Lsn, SubscriptionBuilder, TablePattern};

/// A value that is fetched again whenever its tables may have changed.
///
/// ```no_run
/// use pgnudge::{Feed, Hub, Live, Lsn};
///
/// # async fn load() -> Result<Vec<String>, std::io::Error> { Ok(vec![]) }
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::new(Feed::builder("postgres://nudger@db/app").connect().await?);
/// let mut users = Live::builder(&hub).tables(["public.users"]).fetch(|_: Lsn| load()).await?;
/// println!("{} users", users.get().len());
/// while let Some(users) = users.changed().await {
///     println!("{} users", users.len());
/// }
/// # Ok(())
/// # }
/// ```
///
/// After quiescence the value equals what the fetch reads: one fetch is under way at a time, an item that comes
/// meanwhile makes another one, and one that fails, hangs or panics is tried again. Until then the last good value stays
/// readable, and [`state`](Self::state) tells what it is worth.
///
/// Cloning is cheap, and costs no fetch. The fetching ends with the last handle.
pub struct Live<T>(runtime::Live<T>);

impl Live<()> {
    /// Begins to describe a value that depends on tables of the hub's feed.
    pub fn builder(hub: &Hub) -> LiveBuilder {
        LiveBuilder {
            subscription: hub.subscription(),
            hub: hub.clone(),
            limit: Duration::from_secs(30),
            backoff: Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(10) },
        }
    }
}

impl<T: Send + Sync + 'static> Live<T> {
    /// The last good value. Never waits.
    pub fn get(&self) -> Arc<T> {
        self.0.get()
    }

    /// Whether the value holds what the feed has told.
    pub fn state(&self) -> LiveState {
        self.0.state()
    }

    /// Waits for a value that `changed` of this handle has not returned yet. The first value, for which
    /// [`fetch`](LiveBuilder::fetch) has waited, counts as returned. `None`: the hub is closed. Cancel-safe.
    pub async fn changed(&mut self) -> Option<Arc<T>> {
        self.0.changed().await
    }

    /// Waits until the value is [fresh](LiveState::Fresh). `None`: the hub is closed. Cancel-safe.
    pub async fn fresh(&mut self) -> Option<Arc<T>> {
        self.0.fresh().await
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a live value depends on, and how it is fetched.
#[derive(Clone, Debug)]
#[must_use]
pub struct LiveBuilder {
    subscription: SubscriptionBuilder,
    hub: Hub,
    limit: Duration,
    backoff: Backoff,
}

impl LiveBuilder {
    /// Only these tables, by the rules of [`SubscriptionBuilder::tables`]. Without any, all that the hub's feed tells of.
    pub fn tables(
        mut self,
        patterns: impl IntoIterator<Item: TryInto<TablePattern, Error: Into<Error>>>,
    ) -> Self {
        self.subscription = self.subscription.tables(patterns);
        self
    }

    /// The quiet time after a burst of changes before a fetch begins. Default 50 ms.
    pub fn debounce(mut self, debounce: Duration) -> Self {
        self.subscription = self.subscription.debounce(debounce);
        self
    }

    /// The longest time that changes are gathered before a fetch begins. Default 20 × `debounce`.
    pub fn max_batch_wait(mut self, wait: Duration) -> Self {
        self.subscription = self.subscription.max_batch_wait(wait);
        self
    }

    /// Which end of a burst of changes makes a fetch. Default trailing.
    pub fn edge(mut self, edge: Edge) -> Self {
        self.subscription = self.subscription.edge(edge);
        self
    }

    /// A fetch whenever there was no Resync for this long. Default: off.
    pub fn failsafe(mut self, interval: Duration) -> Self {
        self.subscription = self.subscription.failsafe(interval);
        self
    }

    /// How long one fetch may take before it counts as failed. Default 30 s.
    pub fn fetch_timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The pauses after fetches that failed: they double from `initial` to `max`, each ±50 %. Default 0.1 s to 10 s.
    pub fn backoff(mut self, initial: Duration, max: Duration) -> Self {
        self.backoff = Backoff { initial, max };
        self
    }

    /// Fetches the first value, and returns when it is there. The position is one that the value has to have seen: what
    /// is asked of the feed's server has it already; a replica is to be [waited for] first. A fetch uses a pool, or a
    /// client that reconnects: an outage that ends the feed's connection ends the fetch's, too.
    ///
    /// # Errors
    /// A pattern or a duration that is wrong, or a first fetch that fails. Later failures show in
    /// [`state`](Live::state) and in the log.
    ///
    /// [waited for]: https://github.com/pgnudge/pgnudge/blob/main/docs/replicas.md
    pub async fn fetch<T, E, R>(
        self,
        fetch: impl Fn(Lsn) -> R + Send + Sync + 'static,
    ) -> Result<Live<T>, LiveError>
    where
        T: Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let items = self.subscription.subscribe().map_err(LiveError::Config)?;
        let status = self.hub.status();
        runtime::Live::start(items.0, status, self.limit, self.backoff, fetch).await.map(Live)
    }
}
