//! Connect, make the slot, stream, back off, repeat: for as long as the feed lives.

use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nudge_decode::Plugin;
use nudge_proto::StartReplication;
use tokio::sync::{oneshot, watch};

use crate::policy::diagnosis::{self, Stage};
use crate::policy::{Feedback, Retries};
use crate::runtime::intake::Intake;
use crate::runtime::login::{Conversation, Login};
use crate::runtime::replicate::Replication;
use crate::runtime::slot::{self, Cancellation, Slot};
use crate::runtime::{Dial, Route, Status, clock, random};
use crate::{Error, ErrorKind, Knobs, PluginChoice, Reason};

/// The task behind a feed.
pub(crate) struct Supervisor {
    pub(crate) knobs: Knobs,
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) login: Login,
    pub(crate) intake: Intake,
    pub(crate) status: watch::Sender<Status>,
    /// Told once: the feed is live, or it never will be.
    pub(crate) first: Option<oneshot::Sender<Result<(), Error>>>,
    pub(crate) cancellation: Cancellation,
}

impl Supervisor {
    /// Runs until the first attempt fails for good, or until `dropped` is: then the connection is
    /// aborted at once (rule R11).
    pub(crate) async fn run(mut self, dropped: oneshot::Receiver<()>) {
        let cancellation = self.cancellation.clone();
        tokio::select! {
            biased;
            _ = dropped => {}
            () = self.supervise() => {}
        }
        // The connection is gone with `supervise`. Who watches the status sees it close once the server
        // has been told, too.
        let Self { status, .. } = self;
        cancellation.fire().await;
        drop(status);
    }

    async fn supervise(&mut self) {
        let mut retries = Retries::default();
        let mut attempt = 0;
        loop {
            self.status.send_replace(Status::Connecting { attempt });
            let mut live_since = None;
            let error = match self.connection(&mut live_since).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            if error.is_permanent()
                && let Some(first) = self.first.take()
            {
                let _ = first.send(Err(error));
                return;
            }
            let streamed = live_since.map_or(Duration::ZERO, |since: Instant| clock::now() - since);
            attempt = retries.failed(streamed) + 1;
            let delay = self.knobs.backoff.delay(attempt - 1, random::unit());
            report(&error, delay, attempt, retries.became_persistent());
            self.status.send_replace(Status::BackingOff { error, delay, attempt });
            tokio::time::sleep(delay).await;
        }
    }

    /// One connection, from the look-up of its host to its end, which is always an error.
    async fn connection(
        &mut self,
        live_since: &mut Option<Instant>,
    ) -> Result<std::convert::Infallible, Error> {
        let (conversation, route) = self.log_in().await?;
        let (conversation, status_interval) = self.prepare(conversation).await?;
        let backend_pid = conversation.session.backend_key().pid();
        self.status.send_replace(Status::WaitingForSlot { backend_pid });
        let plugins = self.plugins();
        let made = slot::create(conversation, plugins, self.knobs.slot_timeout, &self.cancellation, &route);
        let (conversation, Slot { name, plugin, consistent_point }) = made.await?;
        let command =
            StartReplication::logical(&name, nudge_proto::Lsn::ZERO, plugin.options(&self.knobs.tables))
                .map_err(|error| {
                    Error::config(format!("the table patterns: {error}"), "remove the zero byte")
                })?;
        let (link, stream) = conversation.start_replication(&command);
        let feedback =
            Feedback::new(status_interval, self.knobs.liveness_timeout, consistent_point, clock::now());
        let reason = if self.first.is_some() { Reason::Connected } else { Reason::Reconnected };
        let replication = Replication { link, stream, plugin, feedback, intake: &mut self.intake, reason };
        let (status, first) = (&self.status, &mut self.first);
        let error = replication.run(|| {
            tracing::info!(slot = %name, backend_pid, plugin = plugin.name(), "streaming");
            *live_since = Some(clock::now());
            status.send_replace(Status::Streaming { slot: name.clone(), backend_pid, plugin });
            if let Some(first) = first.take() {
                let _ = first.send(Ok(()));
            }
        });
        Err(error.await)
    }

    /// The routes in turn, each with its own timeout. What trying again does not cure ends the round,
    /// unless the same address can be reached in another manner.
    async fn log_in(&self) -> Result<(Conversation, Arc<dyn Route>), Error> {
        let late = |_| Err(diagnosis::timeout(Stage::Connect, "connect_timeout"));
        let routes = tokio::time::timeout(self.knobs.connect_timeout, self.dial.routes())
            .await
            .unwrap_or_else(late)?;
        let mut failure: Option<Error> = None;
        for route in routes {
            match failure {
                Some(error) if error.is_permanent() && !route.is_alternative() => return Err(error),
                _ => tracing::debug!(route = route.name(), "connecting"),
            }
            match self.login.perform(&*route, self.knobs.connect_timeout).await {
                Ok(conversation) => return Ok((conversation, route)),
                Err(error) => {
                    tracing::debug!(route = route.name(), %error, "no connection by this route");
                    // Of several manners the preferred one's failure says most.
                    failure = failure.filter(|_| route.is_alternative()).or(Some(error));
                }
            }
        }
        Err(failure
            .unwrap_or_else(|| Error::transient(ErrorKind::Network, "there is no route to the server")))
    }

    /// Settings for this session alone. They are sent with SET: poolers refuse what they do not know
    /// in a startup message.
    async fn prepare(&self, conversation: Conversation) -> Result<(Conversation, Duration), Error> {
        let lock_timeout = self.knobs.slot_timeout.as_millis().min(i32::MAX as u128);
        // A role may hide warnings, and wal2json's are wakeups (rule R8).
        let sql = format!(
            "SET client_min_messages = 'warning'; SET lock_timeout = '{lock_timeout}ms'; \
             SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'"
        );
        let sql = CString::new(sql).map_err(|error| Error::config(error.to_string(), ""))?;
        let stage = Stage::Session;
        let asked = tokio::time::timeout(self.knobs.connect_timeout, conversation.query(&sql, stage)).await;
        let (conversation, outcome) =
            asked.unwrap_or_else(|_| Err(diagnosis::timeout(stage, "connect_timeout")))?;
        let row = outcome.map_err(|response| diagnosis::server(stage, &response))?;
        let wal_sender_timeout = row.and_then(|row| row.into_iter().next().flatten()?.parse().ok());
        Ok((conversation, self.status_interval(wal_sender_timeout)))
    }

    /// Never more than a third of the server's `wal_sender_timeout` (milliseconds; 0: none).
    fn status_interval(&self, wal_sender_timeout: Option<u64>) -> Duration {
        let third = wal_sender_timeout.filter(|&ms| ms > 0).map(|ms| Duration::from_millis(ms) / 3);
        third.map_or(self.knobs.status_interval, |third| third.min(self.knobs.status_interval))
    }

    /// The plugins to try, best first.
    fn plugins(&self) -> &'static [Plugin] {
        match self.knobs.plugin {
            PluginChoice::Only(Plugin::TestDecoding) => &[Plugin::TestDecoding],
            PluginChoice::Only(Plugin::Wal2Json) => &[Plugin::Wal2Json],
            PluginChoice::Auto if Plugin::Wal2Json.filters(&self.knobs.tables) => {
                &[Plugin::Wal2Json, Plugin::TestDecoding]
            }
            PluginChoice::Auto => &[Plugin::TestDecoding, Plugin::Wal2Json],
        }
    }
}

/// A warning each, and one error when it lasts: that one is worth an alarm.
fn report(error: &Error, delay: Duration, attempt: u32, persistent: bool) {
    let hint = error.hint().unwrap_or_default();
    if persistent {
        tracing::error!(%error, hint, attempt, "the feed cannot connect; it goes on trying");
    } else {
        tracing::warn!(%error, hint, attempt, ?delay, "the connection failed; trying again");
    }
}
