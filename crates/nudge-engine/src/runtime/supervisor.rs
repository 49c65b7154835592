//! Connect, make the slot, stream, back off, repeat: for as long as the feed lives.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nudge_proto::{Lsn, StartReplication};
use tokio::sync::{Notify, oneshot, watch};

use crate::policy::diagnosis::Stage;
use crate::policy::server_view::ServerView;
use crate::policy::session::ServerFacts;
use crate::policy::{Feedback, Nap, Postmark, Reading, Retries, Unseen, Visibility, visibility};
use crate::runtime::arrival::{Arrival, warn_of_empty_patterns};
use crate::runtime::cancellation::Cancellation;
use crate::runtime::intake::Intake;
use crate::runtime::login::{Conversation, Purpose};
use crate::runtime::meter;
use crate::runtime::replicate::Replication;
use crate::runtime::side_session::SideSession;
use crate::runtime::slot::{Slot, SlotRequest};
use crate::runtime::source::Source;
use crate::runtime::wait_for_running::wait_for_running;
use crate::runtime::{Route, Status, clock, random};
use crate::{Error, Knobs, Reason};

/// The task behind a feed.
pub(crate) struct Supervisor {
    pub(crate) knobs: Knobs,
    pub(crate) arrival: Arrival,
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
        meter::state(None);
        drop(status);
    }

    async fn supervise(&mut self) {
        let mut retries = Retries::default();
        let mut attempt = 0;
        loop {
            Status::Connecting { attempt }.announce(&self.status);
            let mut live_since = None;
            let error = match self.connection(&mut live_since).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            self.intake.lost();
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
            Status::BackingOff { error, delay, attempt }.announce(&self.status);
            tokio::time::sleep(delay).await;
        }
    }

    /// One connection, from the look-up of its host to its end, which is always an error.
    async fn connection(&mut self, live_since: &mut Option<Instant>) -> Result<Infallible, Error> {
        let (conversation, route) = self.arrival.log_in(Purpose::Replication).await?;
        let platform = route.platform();
        self.replication(conversation, route, live_since).await.map_err(|error| platform.tune(error))
    }

    /// From a session that is logged in to the end of its stream.
    async fn replication(
        &mut self,
        conversation: Conversation,
        route: Arc<dyn Route>,
        live_since: &mut Option<Instant>,
    ) -> Result<Infallible, Error> {
        let (conversation, facts) = self.prepare(conversation).await?;
        let backend_pid = conversation.session.backend_key().pid();
        let reading = Reading::new(&self.knobs, &facts.before, conversation.session.parameters());
        let request = SlotRequest {
            plugins: reading.plugins(),
            limit: self.knobs.slot_timeout,
            cancellation: &self.cancellation,
            login: &self.arrival.login,
            route: &route,
            status: &self.status,
        };
        let (conversation, slot) =
            request.create(conversation).await.map_err(|error| reading.explain(error))?;
        let Slot { name, plugin, consistent_point } = slot;
        let (decoder, filtered) = (reading.decoder(plugin), reading.hides_partitions(plugin));
        let command = StartReplication::logical(&name, Lsn::ZERO, decoder.options(reading.filter()))
            .map_err(|error| Error::config(format!("the table patterns: {error}"), "remove the zero byte"))?;
        let (conversation, lingering) = self.wait_for_running(conversation, &facts.before).await?;
        let limit = self.knobs.connect_timeout;
        let (link, stream) =
            conversation.start_replication(&command, Stage::Start(plugin.name()), limit).await?;
        tracing::info!(slot = %name, backend_pid, plugin = plugin.name(), "streaming");
        let now = clock::now();
        *live_since = Some(now);
        let outgrown = Arc::new(Notify::new());
        let side = Mutex::new(self.open_side_session(&route));
        let partition_root = self.knobs.partition_root;
        let (before, outgrown) = (facts.before, Arc::clone(&outgrown));
        let source = Source {
            route,
            before,
            lingering,
            partition_root,
            filtered,
            outgrown: Arc::clone(&outgrown),
            side,
        };
        let streaming = Status::Streaming { slot: name, backend_pid, plugin, unchecked: None };
        self.go_live(streaming, source, consistent_point);
        let feedback =
            Feedback::new(facts.status_interval, self.knobs.liveness_timeout, consistent_point, now);
        let nap = Nap::new(self.knobs.debounce);
        let (postmark, intake) = (Postmark::default(), &mut self.intake);
        // For the rest of the feed's life: what happened once will happen again.
        let markers = &mut self.knobs.transaction_markers;
        let replication =
            Replication { link, stream, decoder, markers, feedback, nap, postmark, intake, outgrown };
        Err(replication.run().await)
    }

    async fn prepare(&self, mut conversation: Conversation) -> Result<(Conversation, ServerFacts), Error> {
        if self.first.is_some() {
            let limit = self.knobs.connect_timeout;
            conversation = warn_of_empty_patterns(conversation, &self.knobs.tables, limit).await?;
        }
        self.arrival.prepare(conversation, &self.knobs).await
    }

    /// Before the stream is asked for. A standby decodes what it has replayed, and that can be seen. Where commits
    /// wait for standbys, returns those that may do so for longer.
    async fn wait_for_running(
        &self,
        conversation: Conversation,
        before: &ServerView,
    ) -> Result<(Conversation, Unseen), Error> {
        let patience = visibility::patience(self.knobs.visibility, before.synchronous());
        let Some(patience) = patience.filter(|_| !before.standby) else {
            return Ok((conversation, Unseen::default()));
        };
        let waited = wait_for_running(conversation, patience, self.knobs.connect_timeout).await;
        waited.map(|(conversation, unended)| {
            (conversation, if before.synchronous() { unended } else { Unseen::default() })
        })
    }

    /// So that no item waits for its login.
    fn open_side_session(&self, route: &Arc<dyn Route>) -> Option<SideSession> {
        let asks = self.knobs.visibility != Visibility::Off || self.knobs.partition_root;
        let (login, route) = (Arc::clone(&self.arrival.login), Arc::clone(route));
        asks.then(|| SideSession::open(login, route, self.knobs.connect_timeout))
    }

    /// The stream has begun, and everything before it is to be refetched (rules R1 and R2).
    fn go_live(&mut self, streaming: Status, source: Source, position: Lsn) {
        let reason = if self.first.is_some() { Reason::Connected } else { Reason::Reconnected };
        self.intake.restart(reason, source, position);
        meter::started(reason);
        streaming.announce(&self.status);
        if let Some(first) = self.first.take() {
            let _ = first.send(Ok(()));
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
