//! Connect, make the slot, stream, back off, repeat: for as long as the feed lives.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nudge_decode::{Decoder, Plugin, ServerEncoding, TableFilter};
use nudge_proto::{Lsn, StartReplication};
use tokio::sync::{Notify, oneshot, watch};

use crate::policy::diagnosis::Stage;
use crate::policy::session::ServerFacts;
use crate::policy::{Feedback, Nap, Retries, visibility};
use crate::runtime::arrival::{Arrival, warn_of_empty_patterns};
use crate::runtime::cancellation::Cancellation;
use crate::runtime::handover::{Handover, Source};
use crate::runtime::intake::Intake;
use crate::runtime::login::{Conversation, Purpose};
use crate::runtime::meter;
use crate::runtime::replicate::Replication;
use crate::runtime::settling::settle;
use crate::runtime::slot::{Slot, SlotRequest};
use crate::runtime::{Route, Status, clock, random};
use crate::{Error, ErrorKind, Knobs, Payload, PluginChoice, Reason};

/// The task behind a feed.
pub(crate) struct Supervisor {
    pub(crate) knobs: Knobs,
    pub(crate) arrival: Arrival,
    pub(crate) handover: Arc<Handover>,
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
        let conversation = match self.first {
            Some(_) => {
                warn_of_empty_patterns(conversation, &self.knobs.tables, self.knobs.connect_timeout).await?
            }
            None => conversation,
        };
        let (conversation, facts) = self.arrival.prepare(conversation, &self.knobs).await?;
        let backend_pid = conversation.session.backend_key().pid();
        let encoding =
            conversation.session.parameters().get("server_encoding").map(ServerEncoding::from_name);
        let filter = self.server_filter(facts);
        let request = SlotRequest {
            plugins: self.plugins(&filter),
            limit: self.knobs.slot_timeout,
            cancellation: &self.cancellation,
            login: &self.arrival.login,
            route: &route,
            status: &self.status,
        };
        let slot = request.create(conversation).await.map_err(|error| self.explain(error))?;
        let (conversation, Slot { name, plugin, consistent_point }) = slot;
        let decoder = self.decoder(plugin, encoding);
        let filtered = plugin.filters(&filter) && self.knobs.partition_root;
        let command = StartReplication::logical(&name, Lsn::ZERO, decoder.options(&filter))
            .map_err(|error| Error::config(format!("the table patterns: {error}"), "remove the zero byte"))?;
        let (stage, limit) = (Stage::Start(plugin.name()), self.knobs.connect_timeout);
        let conversation = match visibility::patience(self.knobs.visibility, facts.synchronous) {
            // A standby decodes what it has replayed, and that can be seen.
            Some(patience) if !facts.standby => settle(conversation, patience, limit).await?,
            _ => conversation,
        };
        let (link, stream) = conversation.start_replication(&command, stage, limit).await?;
        tracing::info!(slot = %name, backend_pid, plugin = plugin.name(), "streaming");
        *live_since = Some(clock::now());
        let reason = if self.first.is_some() { Reason::Connected } else { Reason::Reconnected };
        self.intake.restart(reason);
        meter::started(reason);
        let feedback =
            Feedback::new(facts.status_interval, self.knobs.liveness_timeout, consistent_point, clock::now());
        let outgrown = Arc::new(Notify::new());
        self.handover.set_source(Source { route, facts, outgrown: Arc::clone(&outgrown) }, filtered);
        Status::Streaming { slot: name, backend_pid, plugin, unchecked: None }.announce(&self.status);
        if let Some(first) = self.first.take() {
            let _ = first.send(Ok(()));
        }
        let intake = &mut self.intake;
        let nap = Nap::new(self.knobs.debounce);
        Err(Replication { link, stream, decoder, feedback, nap, intake, outgrown }.run().await)
    }

    /// What the server may filter by. It sees a row under the name of its partition, so while there are
    /// partitioned tables it would hide rows of those above; and parents that the program names it does
    /// not know at all.
    fn server_filter(&self, facts: ServerFacts) -> TableFilter {
        if self.knobs.parent_of.is_some() || self.knobs.partition_root && facts.partitioned {
            return TableFilter::default();
        }
        self.knobs.tables.clone()
    }

    /// How the stream is read. A server that does not tell its encoding is taken for one with UTF-8.
    fn decoder(&self, plugin: Plugin, encoding: Option<ServerEncoding>) -> Decoder {
        let decoder = Decoder::new(plugin).with_encoding(encoding.unwrap_or(ServerEncoding::UTF8));
        let decoder = if self.knobs.messages { decoder.with_messages() } else { decoder };
        match self.knobs.payload {
            Payload::Table => decoder,
            Payload::Pk => decoder.with_keys(),
        }
    }

    /// No other plugin tells keys.
    fn explain(&self, error: Error) -> Error {
        match (self.knobs.payload, error.kind()) {
            (Payload::Pk, ErrorKind::Plugin) => error.with_better_hint(
                "payload = pk needs wal2json: install it on the server, and add it to output_plugin_libraries \
                 where there is that setting; or set payload to table",
            ),
            _ => error,
        }
    }

    /// The plugins to try, best first.
    fn plugins(&self, filter: &TableFilter) -> &'static [Plugin] {
        match self.knobs.plugin {
            PluginChoice::Auto if self.knobs.payload == Payload::Pk => &[Plugin::Wal2Json],
            PluginChoice::Only(Plugin::TestDecoding) => &[Plugin::TestDecoding],
            PluginChoice::Only(Plugin::Wal2Json) => &[Plugin::Wal2Json],
            PluginChoice::Auto if Plugin::Wal2Json.filters(filter) => {
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
