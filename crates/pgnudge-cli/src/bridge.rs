//! `pgnudge bridge`: one feed in, a fleet of listeners out.
//!
//! One decoding pass on the server wakes everybody: whoever LISTENs (`notifier`), and whoever holds an
//! event stream over HTTP (`http`). Each of them sits in the library's hub, with a window of its own, so
//! that none can hold up another. Of several bridges an advisory lock (`lock`) makes one the active one.

mod arguments;
mod board;
mod http;
mod lock;
mod notification;
mod notifier;
mod retry;
mod stage;
mod term;

use std::convert::Infallible;
use std::sync::Arc;

use pgnudge::Feed;
use pgnudge::settings::{Environment, Settings};
use tokio::sync::oneshot;

use crate::arguments::{FeedArguments, Secret};
use crate::failure::{self, Failure};
use crate::{service, shutdown};
use board::Board;
use http::Server;
use lock::Lock;
use notifier::Notifier;
use retry::Retry;
use stage::Stage;

pub(crate) use arguments::{BridgeArguments, address};
pub(crate) use stage::Role;

/// All that the parts of a bridge share.
#[derive(Debug)]
struct Bridge {
    feed: FeedArguments,
    source: Source,
    notifier: Option<Notifier>,
    lock: Option<Lock>,
    stage: Stage,
    board: Board,
}

/// Where the feed comes from, for people.
#[derive(Debug, Default)]
struct Source {
    server: String,
    database: String,
}

impl Source {
    fn of(connection: &str) -> Self {
        let Ok(resolved) = Settings::resolve(connection, &Environment::of_process()) else {
            return Self::default();
        };
        let hosts: Vec<_> = resolved.settings.hosts.iter().map(ToString::to_string).collect();
        Self { server: hosts.join(", "), database: resolved.settings.database }
    }
}

/// Runs until it is asked to end, or cannot begin.
pub(crate) async fn run(arguments: BridgeArguments) -> Result<(), Failure> {
    let requested = shutdown::requested()?;
    let BridgeArguments { feed, notify, http, ha, ha_name } = arguments;
    // Before the lock is waited for, whose session is tried again with the same pauses.
    feed.builder().check().map_err(failure::typed)?;
    let fallback = notify.channel.as_ref().map_or("bridge", |channel| channel.as_str()).to_owned();
    let connection = Secret::from(feed.connection().to_owned());
    let notify_dsn = notify.notify_dsn.unwrap_or_else(|| connection.clone());
    Feed::builder(notify_dsn.expose()).check().map_err(failure::typed)?;
    let notifier =
        notify.channel.map(|channel| Notifier::new(notify_dsn, channel, notify.format, feed.backoff()));
    let lock = ha.then(|| Lock { connection, name: ha_name.unwrap_or(fallback) });
    let (stage, board) = (Stage::new(), Board::new());
    let source = Source::of(feed.connection());
    let bridge = Arc::new(Bridge { feed, source, notifier, lock, stage, board });
    let server = Server::bind(&http, &bridge).await?;
    service::follow_roles(bridge.stage.roles());
    tokio::select! {
        failure = bridge.work() => failure.map(|never| match never {}),
        never = server.serve() => match never {},
        role = role_at(requested, &bridge.stage) => {
            if let Role::Active { status, .. } = role {
                service::stopping();
                shutdown::closed(status).await;
            }
            Ok(())
        }
    }
}

/// What the bridge is when it is asked to end.
async fn role_at(requested: oneshot::Receiver<()>, stage: &Stage) -> Role {
    let _ = requested.await;
    stage.role()
}

impl Bridge {
    /// Terms as the active bridge, one after another; without `--ha` there is one that does not end.
    async fn work(&self) -> Result<Infallible, Failure> {
        let Some(lock) = &self.lock else { return self.term().await };
        let mut retry = Retry::new("the session of the lock", self.feed.backoff());
        let mut first = true;
        loop {
            let error = match lock.acquire(|| self.stage.is(Role::Standby)).await {
                Ok(mut held) => {
                    retry.succeeded();
                    (first, retry) = (false, Retry::new("holding the lock", self.feed.backoff()));
                    tracing::info!(name = lock.name, "this is the active bridge");
                    tokio::select! {
                        biased;
                        error = held.lost() => error,
                        failure = self.term() => return failure,
                    }
                }
                Err(error) if first && error.is_permanent() => return Err(error.into()),
                Err(error) => error,
            };
            let (delay, attempt) = (retry.failed(&error), retry.failures());
            self.stage.is(Role::BackingOff { error, attempt });
            tokio::time::sleep(delay).await;
            self.stage.is(Role::Connecting);
        }
    }
}
