//! The task that keeps a live value fresh.

use std::error::Error as StdError;
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nudge_proto::Lsn;
use tokio::sync::watch;
use tokio::time::{Sleep, timeout};

use super::{Current, Fetch, LiveError, LiveState};
use crate::FeedItem;
use crate::policy::Backoff;
use crate::runtime::{Status, Subscription, clock, random};

/// One fetch is under way at a time, and an item that comes meanwhile makes another one.
pub(super) struct Keeper<T> {
    items: Subscription,
    status: watch::Receiver<Status>,
    fetch: Fetch<T>,
    backoff: Backoff,
    publish: watch::Sender<Current<T>>,
    work: Work<T>,
    /// The position of the last item.
    lsn: Lsn,
    /// Since when something has been told that the running fetch does not have to see.
    told: Option<Instant>,
    /// Since when the value is not fresh.
    stale: Option<Instant>,
    /// The feed is away, or its Resync has not come yet; why, if it has said so.
    away: Option<Option<LiveError>>,
    failures: u32,
}

enum Work<T> {
    Idle,
    Fetching {
        lsn: Lsn,
        outcome: BoxFuture<'static, Result<T, LiveError>>,
    },
    /// After a failure.
    Resting(Pin<Box<Sleep>>),
}

impl<T: Send + Sync + 'static> Keeper<T> {
    pub(super) fn new(
        items: Subscription,
        status: watch::Receiver<Status>,
        fetch: Fetch<T>,
        backoff: Backoff,
        lsn: Lsn,
        publish: watch::Sender<Current<T>>,
    ) -> Self {
        let (told, stale, away, failures) = (None, None, None, 0);
        Self { items, status, fetch, backoff, publish, work: Work::Idle, lsn, told, stale, away, failures }
    }

    pub(super) async fn run(mut self) {
        self.look_at_feed();
        loop {
            tokio::select! {
                biased;
                done = self.work.done() => self.finish(done),
                item = self.items.next() => match item {
                    Some(item) => self.hear(&item),
                    None => return self.say_stale(Some(LiveError::Closed)),
                },
                Ok(()) = self.status.changed() => self.look_at_feed(),
            }
            if self.told.is_some() && matches!(self.work, Work::Idle) {
                self.begin();
            }
        }
    }

    /// A Resync says that the world is another one: what was being fetched may wait for a position of the old one,
    /// and what failed may work now.
    fn hear(&mut self, item: &FeedItem) {
        let now = clock::now();
        match item {
            FeedItem::Resync { lsn, .. } => {
                (self.lsn, self.work, self.failures) = (*lsn, Work::Idle, 0);
                if matches!(&*self.status.borrow(), Status::Streaming { .. }) {
                    self.away = None;
                }
            }
            FeedItem::Batch { lsn, .. } => self.lsn = self.lsn.max(*lsn),
        }
        self.told.get_or_insert(now);
        if self.stale.is_none() {
            self.say_stale(None);
        }
    }

    /// It is back with its Resync.
    fn look_at_feed(&mut self) {
        let error = match &*self.status.borrow_and_update() {
            Status::Streaming { .. } => return,
            Status::BackingOff { error, .. } => Some(LiveError::Feed(error.clone())),
            Status::Closed => Some(LiveError::Closed),
            _ => None,
        };
        if self.away.is_none() || error.is_some() {
            self.away = Some(error.clone());
            self.say_stale(error);
        }
    }

    fn begin(&mut self) {
        (self.told, self.work) = (None, Work::Fetching { lsn: self.lsn, outcome: (self.fetch)(self.lsn) });
    }

    /// A fetch has ended, or the rest after one that failed.
    fn finish(&mut self, done: Option<(Lsn, Result<T, LiveError>)>) {
        self.work = Work::Idle;
        match done {
            None => {}
            Some((lsn, Ok(value))) => {
                self.failures = 0;
                self.stale = self.stale.filter(|_| self.away.is_some()).or(self.told);
                let error = self.away.clone().flatten();
                let stale = self.stale.map(|since| LiveState::Stale { since, error });
                self.say(Some(value), stale.unwrap_or(LiveState::Fresh { lsn }));
            }
            Some((_, Err(error))) => {
                let delay = self.backoff.delay(self.failures, random::unit());
                self.failures = self.failures.saturating_add(1);
                tracing::warn!(target: "pgnudge::live", %error, failures = self.failures, ?delay, "a live value stays stale; it is fetched again");
                self.work = Work::Resting(Box::pin(clock::sleep_until(clock::now() + delay)));
                self.told.get_or_insert_with(clock::now);
                self.say_stale(Some(error));
            }
        }
    }

    fn say_stale(&mut self, error: Option<LiveError>) {
        let since = *self.stale.get_or_insert_with(clock::now);
        self.say(None, LiveState::Stale { since, error });
    }

    fn say(&self, value: Option<T>, state: LiveState) {
        self.publish.send_modify(|current| {
            if let Some(value) = value {
                (current.value, current.version) = (Arc::new(value), current.version + 1);
            }
            current.state = state;
        });
    }
}

impl<T> Work<T> {
    /// Waits for the end of the running fetch or rest, and never resolves without one. `None`: a rest has ended.
    /// Cancel-safe.
    async fn done(&mut self) -> Option<(Lsn, Result<T, LiveError>)> {
        match self {
            Self::Idle => pending().await,
            Self::Fetching { lsn, outcome } => Some((*lsn, outcome.await)),
            Self::Resting(rest) => {
                rest.await;
                None
            }
        }
    }
}

/// A fetch that ends in time, and whose panic is a failure like others: the value stays stale, visibly.
pub(super) fn guarded<T, F, R, E>(fetch: F, limit: Duration) -> Fetch<T>
where
    F: Fn(Lsn) -> R + Send + Sync + 'static,
    R: Future<Output = Result<T, E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
    T: Send + 'static,
{
    let fetch = Arc::new(fetch);
    Arc::new(move |lsn| {
        let fetch = Arc::clone(&fetch);
        let outcome = AssertUnwindSafe(async move { fetch(lsn).await.map_err(Into::into) }).catch_unwind();
        Box::pin(async move {
            match timeout(limit, outcome).await {
                Ok(Ok(fetched)) => {
                    fetched.map_err(|error: Box<dyn StdError + Send + Sync>| LiveError::Fetch(error.into()))
                }
                Ok(Err(panic)) => Err(LiveError::Panic(words(&*panic))),
                Err(_) => Err(LiveError::Timeout(limit)),
            }
        })
    })
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word").to_owned()
}
