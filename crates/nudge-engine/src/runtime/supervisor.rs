//! Connect, make the slot, stream, back off, repeat: for as long as the feed lives.
//!
//! A stream that does not bring all that it should is made again beside itself: it goes on until the next one
//! is live. Only what ends a stream that nothing replaces is a failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use nudge_decode::Decoder;
use nudge_proto::{Lsn, StartReplication, Stream};
use tokio::sync::{Notify, oneshot, watch};

use crate::policy::confirmation::{Confirmation, Rule};
use crate::policy::diagnosis::Stage;
use crate::policy::server_view::ServerView;
use crate::policy::session::ServerFacts;
use crate::policy::{Feedback, Nap, Postmark, Reading, Retries, Unseen, Visibility, synchronous, visibility};
use crate::runtime::arrival::{Arrival, warn_of_empty_patterns};
use crate::runtime::cancellation::Cancellation;
use crate::runtime::confirmer::Confirmer;
use crate::runtime::gate::Gate;
use crate::runtime::intake::Intake;
use crate::runtime::link::Link;
use crate::runtime::login::{Conversation, Purpose};
use crate::runtime::meter::Meter;
use crate::runtime::replicate::{End, Replication, Why};
use crate::runtime::side_session::{Door, Lookout, SideSession};
use crate::runtime::slot::{Slot, SlotRequest};
use crate::runtime::source::Source;
use crate::runtime::wait_for_running::wait_for_running;
use crate::runtime::{Route, Status, clock, random};
use crate::{Error, ErrorKind, Knobs, LOG, Reason};

/// The task behind a feed.
pub(crate) struct Supervisor {
    pub(crate) knobs: Knobs,
    pub(crate) arrival: Arrival,
    pub(crate) gate: Arc<Gate>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) meter: Meter,
    /// Told once: the feed is live, or it never will be.
    pub(crate) first: Option<oneshot::Sender<Result<(), Error>>>,
    pub(crate) cancellation: Cancellation,
}

/// A stream that the server has begun and nothing was read of.
struct Established {
    link: Link,
    stream: Stream,
    decoder: Decoder,
    slot: Slot,
    backend_pid: i32,
    route: Arc<dyn Route>,
    facts: ServerFacts,
    uncounted: Option<String>,
    /// Transactions that may have committed before it and could not be seen yet when it began.
    lingering: Unseen,
    /// Whether the filter on the server would hide rows of partitions that are made from now on.
    filtered: bool,
}

impl Supervisor {
    /// Runs until the first attempt fails for good, or until `dropped` is: then the connection is
    /// aborted at once (rule R11).
    pub(crate) async fn run(mut self, mut intake: Intake, dropped: oneshot::Receiver<()>) {
        let cancellation = self.cancellation.clone();
        tokio::select! {
            biased;
            _ = dropped => {}
            () = self.supervise(&mut intake) => {}
        }
        // The connection is gone with `supervise`. Who watches the status sees it close once the server
        // has been told, too.
        let Self { status, meter, .. } = self;
        cancellation.fire().await;
        Status::Closed.announce(&status, &meter);
    }

    async fn supervise(&mut self, intake: &mut Intake) {
        let mut retries = Retries::default();
        let mut attempt = 0;
        let mut away_since = None;
        loop {
            Status::Connecting { attempt }.announce(&self.status, &self.meter);
            let mut live_since = None;
            let end = match self.establish(Some(attempt)).await {
                Ok(established) => {
                    if let Some(since) = away_since.take() {
                        report_return(&*established.route, attempt, since);
                    }
                    self.stream(established, intake, &mut live_since).await
                }
                Err(error) => End::Lost(error),
            };
            let error = match end {
                End::Lost(error) => error,
                // The stream has made room for the next one, as it was planned: that is no failure.
                End::Restart(_) => {
                    attempt = 0;
                    continue;
                }
            };
            intake.lost();
            if error.is_permanent()
                && let Some(first) = self.first.take()
            {
                let _ = first.send(Err(error));
                return;
            }
            let streamed = live_since.map_or(Duration::ZERO, |since: Instant| clock::now() - since);
            attempt = retries.failed(streamed) + 1;
            away_since.get_or_insert_with(clock::now);
            let delay = self.knobs.backoff.delay(attempt - 1, random::unit());
            report(&error, delay, attempt, retries.became_persistent());
            Status::BackingOff { error, delay, attempt }.announce(&self.status, &self.meter);
            tokio::time::sleep(delay).await;
        }
    }

    /// Streams until the connection is lost, or until a stream that has to be made again must make room.
    async fn stream(
        &mut self,
        established: Established,
        intake: &mut Intake,
        live_since: &mut Option<Instant>,
    ) -> End {
        let mut next = established;
        loop {
            let route = Arc::clone(&next.route);
            let lost = |error: Error| End::Lost(route.platform().tune(error.at(&route.name())));
            let mut replication = self.begin(next, intake);
            *live_since = Some(clock::now());
            let why = match replication.run(intake).await {
                End::Restart(why) => why,
                End::Lost(error) => return lost(error),
            };
            tracing::info!(target: LOG, %why, "another stream is needed; this one goes on until that is live");
            // For the rest of the feed's life: what happened once will happen again.
            self.knobs.transaction_markers |= matches!(why, Why::Markers(_));
            next = match self.successor(&mut replication, intake, why).await {
                Ok(next) => next,
                Err(End::Lost(error)) => return lost(error),
                Err(restart) => return restart,
            };
        }
    }

    /// The next stream, while this one goes on: it reads, confirms and nudges (rule R9). An error is the end
    /// of this one, and the next one is given up.
    async fn successor(
        &self,
        replication: &mut Replication,
        intake: &mut Intake,
        why: Why,
    ) -> Result<Established, End> {
        let end = tokio::select! {
            biased;
            next = self.establish_beside() => match next {
                Some(next) => return Ok(next),
                None => End::Restart(why),
            },
            error = async {
                loop {
                    // One restart is under way: other reasons for one change nothing.
                    if let End::Lost(error) = replication.run(intake).await {
                        break error;
                    }
                }
            } => End::Lost(error),
        };
        self.cancellation.fire().await;
        Err(end)
    }

    /// Tries until there is a stream. `None`: the server has no room for two.
    async fn establish_beside(&self) -> Option<Established> {
        let mut refusals = 0;
        for attempt in 0.. {
            let error = match self.establish(None).await {
                Ok(next) => return Some(next),
                Err(error) => error,
            };
            refusals = if error.kind() == ErrorKind::Exhausted { refusals + 1 } else { 0 };
            if refusals == ROOM {
                tracing::warn!(target: LOG, %error, "the stream makes room for the next one");
                break;
            }
            let (delay, hint) = (self.knobs.backoff.delay(attempt, random::unit()), error.hint());
            tracing::warn!(target: LOG, %error, hint, attempt, delay = ?whole_millis(delay), "no other stream can be had yet; this one goes on");
            tokio::time::sleep(delay).await;
        }
        None
    }

    /// From the look-up of the hosts to a stream that the first fit one has begun. `attempt` is for the status;
    /// `None`: another stream goes on meanwhile, and the status is that stream's.
    async fn establish(&self, attempt: Option<u32>) -> Result<Established, Error> {
        self.arrival
            .first_fit(Purpose::Replication, |conversation, route| async move {
                let established = self.establish_at(conversation, route, attempt.is_some()).await;
                if let (Err(_), Some(attempt)) = (&established, attempt) {
                    Status::Connecting { attempt }.announce(&self.status, &self.meter);
                }
                established
            })
            .await
    }

    /// From a session that is logged in to a stream.
    async fn establish_at(
        &self,
        conversation: Conversation,
        route: Arc<dyn Route>,
        alone: bool,
    ) -> Result<Established, Error> {
        let (conversation, facts) = self.prepare(conversation).await?;
        let uncounted = self.uncounted(&conversation);
        if let Some(name) = uncounted.as_deref().filter(|name| synchronous::counts(&facts.before, name)) {
            return Err(synchronous::refusal(&facts.before, name));
        }
        let backend_pid = conversation.session.backend_key().pid();
        let reading = Reading::new(&self.knobs, &facts.before, conversation.session.parameters());
        let request = SlotRequest {
            plugins: reading.plugins(),
            limit: self.knobs.slot_timeout,
            standby: facts.before.standby,
            cancellation: &self.cancellation,
            login: &self.arrival.login,
            route: &route,
            status: alone.then_some(&self.status),
            meter: &self.meter,
        };
        let (conversation, slot) =
            request.create(conversation).await.map_err(|error| reading.explain(error))?;
        let (decoder, filtered) = (reading.decoder(slot.plugin), reading.hides_partitions(slot.plugin));
        let command = StartReplication::logical(&slot.name, Lsn::ZERO, decoder.options(reading.filter()))
            .map_err(|error| Error::config(format!("the table patterns: {error}"), "remove the zero byte"))?;
        let (conversation, lingering) = self.wait_for_running(conversation, &facts.before).await?;
        let (stage, limit) = (Stage::Start(slot.plugin.name()), self.knobs.connect_timeout);
        let (link, stream) = conversation.start_replication(&command, stage, limit).await?;
        Ok(Established {
            link,
            stream,
            decoder,
            slot,
            backend_pid,
            route,
            facts,
            uncounted,
            lingering,
            filtered,
        })
    }

    /// What the server calls us, where that must not be the name of a synchronous standby.
    fn uncounted(&self, conversation: &Conversation) -> Option<String> {
        let name = conversation.session.parameters().get("application_name").unwrap_or_default();
        (!self.knobs.synchronous_standby).then(|| name.to_owned())
    }

    async fn prepare(&self, conversation: Conversation) -> Result<(Conversation, ServerFacts), Error> {
        let (mut conversation, facts) = self.arrival.prepare(conversation, &self.knobs).await?;
        if self.first.is_some() {
            let limit = self.knobs.connect_timeout;
            conversation = warn_of_empty_patterns(conversation, &self.knobs.tables, limit).await?;
        }
        Ok((conversation, facts))
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

    /// What asks beside the stream. It is opened ahead if items are asked about, so that none waits for its login.
    fn side_session(&self, established: &Established, counted: &Arc<Notify>) -> SideSession {
        let door = Door {
            login: Arc::clone(&self.arrival.login),
            route: Arc::clone(&established.route),
            view: self.knobs.view().into(),
            connect_timeout: self.knobs.connect_timeout,
        };
        let lookout = Lookout { uncounted: established.uncounted.clone(), counted: Arc::clone(counted) };
        SideSession::start(door, lookout, self.asks())
    }

    fn asks(&self) -> bool {
        self.knobs.visibility != Visibility::Off || self.knobs.partition_root
    }

    fn confirmation(&self, facts: &ServerFacts, position: Lsn) -> Confirmation {
        let rule = match (self.knobs.synchronous_standby, self.asks() || facts.before.waits_for_standbys()) {
            (true, _) => Rule::Counted,
            (false, true) => Rule::Asked,
            (false, false) => Rule::Unasked,
        };
        Confirmation::new(rule, facts.status_interval, position, &facts.before, clock::now())
    }

    /// Makes it the stream that the feed's items come from.
    fn begin(&mut self, established: Established, intake: &mut Intake) -> Replication {
        let counted = Arc::default();
        let side = self.side_session(&established, &counted);
        let Established { link, stream, decoder, slot, backend_pid, facts, lingering, filtered, .. } =
            established;
        let Slot { name, plugin, consistent_point } = slot;
        tracing::info!(target: LOG, slot = %name, backend_pid, plugin = plugin.name(), "streaming");
        // What was found out about the stream before says nothing about this one.
        let _ = self.gate.outgrown.notified().now_or_never();
        let confirmer = Confirmer::new(self.confirmation(&facts, consistent_point), side.clone());
        let (interval, partition_root) = (facts.status_interval, self.knobs.partition_root);
        let source = Source { before: facts.before, lingering, partition_root, filtered, side };
        let streaming = Status::Streaming { slot: name, backend_pid, plugin, unchecked: None };
        self.go_live(intake, streaming, source, consistent_point);
        let feedback = Feedback::new(interval, self.knobs.liveness_timeout, consistent_point, clock::now());
        let (nap, postmark) = (Nap::new(self.knobs.debounce), Postmark::default());
        let (gate, meter) = (Arc::clone(&self.gate), self.meter.clone());
        Replication {
            link,
            stream,
            decoder,
            feedback,
            confirmer,
            counted,
            nap,
            postmark,
            gate,
            meter,
            filtered,
        }
    }

    /// The stream has begun, and everything before it is to be refetched (rules R1 and R2).
    fn go_live(&mut self, intake: &mut Intake, streaming: Status, source: Source, position: Lsn) {
        let reason = if self.first.is_some() { Reason::Connected } else { Reason::Reconnected };
        intake.restart(reason, Some(source), position);
        self.meter.started(reason);
        streaming.announce(&self.status, &self.meter);
        if let Some(first) = self.first.take() {
            let _ = first.send(Ok(()));
        }
    }
}

/// A warning each, and one error when it lasts: that one is worth an alarm.
fn report(error: &Error, delay: Duration, attempt: u32, persistent: bool) {
    let (hint, delay) = (error.hint().unwrap_or_default(), whole_millis(delay));
    if persistent {
        tracing::error!(target: LOG, %error, hint, attempt, ?delay, "the feed cannot connect; it goes on trying");
    } else {
        tracing::warn!(target: LOG, %error, hint, attempt, ?delay, "the connection failed; trying again");
    }
}

/// As loud as the warnings before it: whoever has read these wants to know that it is over.
fn report_return(route: &dyn Route, attempt: u32, since: Instant) {
    let (route, away) = (route.name(), whole_millis(clock::now() - since));
    tracing::warn!(target: LOG, route, attempt, ?away, "connected after failures; a resync follows");
}

/// For people.
fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// After this many refusals in a row for want of walsenders or slots (within some 11 s, with the default backoff)
/// the first stream gives up its own: what it does not bring would otherwise be missed for good.
const ROOM: u32 = 8;
