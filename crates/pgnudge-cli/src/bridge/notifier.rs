//! The NOTIFY side: items in, notifications out, through a session of its own.
//!
//! While that session is away the subscription absorbs, as it does for every slow consumer. What was
//! under way when it broke may or may not have been sent; so after every gap everything is said with one
//! resync.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pgnudge::{Error, ErrorKind, FeedItem, Lsn, Session, SessionKind, Subscription};

use crate::arguments::Secret;
use crate::bridge::arguments::Format;
use crate::bridge::notification::{self, Channel};
use crate::bridge::retry::Retry;

/// A channel, and the session in which it is notified.
#[derive(Debug)]
pub(crate) struct Notifier {
    connection: Secret,
    channel: Channel,
    format: Format,
    backoff: (Duration, Duration),
    /// Whether the session is there, for those who look.
    connected: Arc<AtomicBool>,
}

impl Notifier {
    pub(crate) fn new(
        connection: Secret,
        channel: Channel,
        format: Format,
        backoff: (Duration, Duration),
    ) -> Self {
        Self { connection, channel, format, backoff, connected: Arc::default() }
    }

    /// The channel's name.
    pub(crate) fn channel(&self) -> &str {
        self.channel.as_str()
    }

    /// Whether there is a session.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Notifies of every item, for ever.
    ///
    /// # Errors
    /// What trying again does not cure, at the first attempt.
    pub(crate) async fn run(&self, mut items: Subscription) -> Result<Infallible, Error> {
        let mut retry = Retry::new("the NOTIFY session", self.backoff);
        let mut first = true;
        let mut told = Lsn::ZERO;
        loop {
            let error = match self.open().await {
                Ok(session) => {
                    let connected = Connected::new(&self.connected);
                    // The first item of the subscription is a resync by itself.
                    let owed = (!first).then(|| notification::resync(told));
                    first = false;
                    let error = self.publish(session, &mut items, owed, &mut told, &mut retry).await;
                    drop(connected);
                    metrics::counter!("pgnudge_bridge_notify_gaps_total").increment(1);
                    error
                }
                Err(error) if first && error.is_permanent() => return Err(error),
                Err(error) => error,
            };
            retry.pause(&error).await;
        }
    }

    /// Until the session ends. It is watched while there is nothing to say, too.
    async fn publish(
        &self,
        mut session: Session,
        items: &mut Subscription,
        owed: Option<FeedItem>,
        told: &mut Lsn,
        retry: &mut Retry,
    ) -> Error {
        let mut next = owed;
        loop {
            let item = match next.take() {
                Some(item) => item,
                None => tokio::select! {
                    biased;
                    error = session.closed() => return error,
                    Some(item) = items.next() => item,
                },
            };
            let (FeedItem::Resync { lsn, .. } | FeedItem::Batch { lsn, .. }) = item;
            *told = lsn;
            if let Err(error) = self.notify(&mut session, &item).await {
                return error;
            }
            retry.succeeded();
        }
    }

    async fn notify(&self, session: &mut Session, item: &FeedItem) -> Result<(), Error> {
        let payloads = notification::payloads(item, self.format);
        let sql = notification::statement(&self.channel, &payloads);
        session.query_catalog(&format!("{UNHURRIED}{sql}")).await?;
        metrics::counter!("pgnudge_bridge_notifications_total").increment(payloads.len() as u64);
        Ok(())
    }

    async fn open(&self) -> Result<Session, Error> {
        let mut session = Session::connect(self.connection.expose(), SessionKind::Primary).await?;
        if session.parameter("in_hot_standby") == Some("on") {
            return Err(Error::permanent(ErrorKind::Server, "a standby does not take NOTIFY")
                .with_hint("name the primary with --notify-dsn"));
        }
        if !session.is_shared().await? {
            session.query_catalog(SETTINGS).await?;
        }
        tracing::info!(backend_pid = session.backend_pid(), channel = self.channel(), "notifying");
        Ok(session)
    }
}

/// The flag is down again however the session ends.
struct Connected<'a>(&'a AtomicBool);

impl<'a> Connected<'a> {
    fn new(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Notifications are not kept by the server, so nothing is gained by waiting for its disk, nor for its
/// synchronous standbys. For one transaction: behind a pooler the next one may be somebody else's.
const UNHURRIED: &str = "SET LOCAL synchronous_commit = off; ";

/// Nobody should end the session because it is quiet. Only for a session that is ours alone.
const SETTINGS: &str = "SET idle_session_timeout = 0; SET application_name = 'pgnudge bridge'";
