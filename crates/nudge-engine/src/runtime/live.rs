//! A value that keeps itself fresh: it is fetched again whenever its tables may have changed.
//!
//! The contract, carried to its end: who fetches what an item names, and everything on a Resync, has a true copy. One
//! task fetches, for any number of handles.

mod keeper;
mod state;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use nudge_proto::Lsn;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::FeedItem;
use crate::policy::Backoff;
use crate::runtime::{Status, Subscription};
use keeper::Keeper;
pub use state::{LiveError, LiveState};

/// A handle to a value that is kept fresh for as long as there is one. Cloning is cheap.
pub struct Live<T> {
    current: watch::Receiver<Current<T>>,
    /// Which value [`changed`](Self::changed) has been told last.
    seen: u64,
    task: Arc<Task>,
}

/// The last good value, and what it is worth.
struct Current<T> {
    value: Arc<T>,
    /// How many there were before.
    version: u64,
    state: LiveState,
}

/// How a value is fetched: at that position or later.
type Fetch<T> = Arc<dyn Fn(Lsn) -> BoxFuture<'static, Result<T, LiveError>> + Send + Sync>;

impl<T: Send + Sync + 'static> Live<T> {
    /// Fetches the first value, and then another one for each item. `limit` is for one fetch.
    ///
    /// # Errors
    /// The first fetch fails, or the hub is closed before there is an item.
    pub async fn start<F, R, E>(
        mut items: Subscription,
        status: watch::Receiver<Status>,
        limit: Duration,
        backoff: Backoff,
        fetch: F,
    ) -> Result<Self, LiveError>
    where
        F: Fn(Lsn) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let fetch = keeper::guarded(fetch, limit);
        let (FeedItem::Resync { lsn, .. } | FeedItem::Batch { lsn, .. }) =
            items.next().await.ok_or(LiveError::Closed)?;
        let value = Arc::new(fetch(lsn).await?);
        let state = LiveState::Fresh { lsn };
        let (publish, current) = watch::channel(Current { value, version: 0, state });
        let task = tokio::spawn(Keeper::new(items, status, fetch, backoff, lsn, publish).run());
        Ok(Self { current, seen: 0, task: Arc::new(Task(task.abort_handle())) })
    }

    /// The last good value. Never waits.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.current.borrow().value)
    }

    /// Whether the value holds what the feed has told.
    pub fn state(&self) -> LiveState {
        self.current.borrow().state.clone()
    }

    /// Waits for a value that this handle has not been given yet. `None`: the hub is closed. Cancel-safe.
    pub async fn changed(&mut self) -> Option<Arc<T>> {
        let seen = self.seen;
        let current = self.current.wait_for(|current| current.version != seen).await.ok()?;
        self.seen = current.version;
        Some(Arc::clone(&current.value))
    }

    /// Waits until the value is fresh. `None`: the hub is closed. Cancel-safe.
    pub async fn fresh(&mut self) -> Option<Arc<T>> {
        let is_fresh = |current: &Current<T>| matches!(current.state, LiveState::Fresh { .. });
        let current = self.current.wait_for(is_fresh).await.ok()?;
        Some(Arc::clone(&current.value))
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { current: self.current.clone(), seen: self.seen, task: Arc::clone(&self.task) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Current { value, state, .. } = &*self.current.borrow();
        f.debug_struct("Live").field("value", value).field("state", state).finish_non_exhaustive()
    }
}

/// Ends the fetching with the last handle.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
