//! The streaming loop: the busiest code of the project.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use nudge_decode::{Decoded, Decoder, TableRef};
use nudge_proto::{Lsn, StandbyStatus, Stream, StreamEvent};
use tokio::select;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::Sleep;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::{Feedback, Nap, Postmark, synchronous};
use crate::runtime::clock;
use crate::runtime::confirmer::Confirmer;
use crate::runtime::gate::Gate;
use crate::runtime::intake::Intake;
use crate::runtime::link::Link;
use crate::runtime::meter::Meter;
use crate::{Error, ErrorKind, LOG};

/// A stream that the server has begun.
pub(crate) struct Replication {
    pub(crate) link: Link,
    pub(crate) stream: Stream,
    pub(crate) decoder: Decoder,
    pub(crate) feedback: Feedback,
    pub(crate) confirmer: Confirmer,
    /// Notified when the server has come to take the feed for a synchronous standby.
    pub(crate) counted: Arc<Notify>,
    pub(crate) nap: Nap,
    pub(crate) postmark: Postmark,
    pub(crate) gate: Arc<Gate>,
    pub(crate) meter: Meter,
    /// Whether the server applies a filter that new partitions may outgrow.
    pub(crate) filtered: bool,
}

/// Why [`Replication::run`] returns.
#[derive(Debug)]
pub(crate) enum End {
    /// The connection is lost.
    Lost(Error),
    /// The stream does not bring all that it should. It goes on when it is run again.
    Restart(Why),
}

/// What another stream must bring that this one does not.
#[derive(Debug)]
pub(crate) enum Why {
    /// Rows of partitions, which the filter on the server hides.
    Filter,
    /// The markers of transactions, for changes of this table, which tell no transaction (rules R8 and R13).
    /// The Resync of the next stream stands for the change.
    Markers(String),
}

/// What came of one turn of reading.
struct TakenIn {
    bytes: usize,
    /// There was more at its end.
    more: bool,
    /// Another stream is needed.
    restart: Option<Why>,
}

impl Replication {
    /// Reads until the connection ends or another stream is needed. Nothing here waits for the consumer
    /// (rule R9). Cancel-safe.
    pub(crate) async fn run(&mut self, intake: &mut Intake) -> End {
        let mut alarm = pin!(clock::sleep_until(clock::now()));
        let mut read = 0;
        loop {
            let taken_in = self.take_in(intake, read);
            let now = clock::now();
            // Also when the stream ends here: what came before its end is delivered.
            let arrived = self.postmark.arrived(self.nap.earliest(now), now);
            let unhurried = intake.close(self.feedback.position(), arrived, now);
            let mut taken_in = match taken_in {
                Ok(taken_in) => taken_in,
                Err(error) => return End::Lost(error),
            };
            if let Err(error) = self.report(now) {
                return End::Lost(error);
            }
            if self.feedback.is_dead(now) {
                return End::Lost(silent());
            }
            if let Some(why) = taken_in.restart.take() {
                return End::Restart(why);
            }
            self.rest(taken_in, unhurried, now, alarm.as_mut()).await;
            read = 0;
            let deadline = self.deadline();
            select! {
                biased;
                () = self.counted.notified() => return End::Lost(synchronous::withdrawal()),
                () = self.gate.outgrown.notified(), if self.filtered => return End::Restart(Why::Filter),
                // Before the timer: after a pause of the whole process both are ready, and then the
                // server is not silent.
                arrived = self.link.exchange() => match arrived {
                    Ok(n) => {
                        read = n;
                        self.feedback.heard(clock::now());
                    }
                    Err(error) => return End::Lost(diagnosis::network(Stage::Stream, error)),
                },
                () = self.confirmer.answered() => {}
                () = goes_off(alarm.as_mut(), deadline) => {}
            }
        }
    }

    /// Before the next read.
    async fn rest(
        &mut self,
        TakenIn { bytes, more, .. }: TakenIn,
        unhurried: Option<Instant>,
        now: Instant,
        mut alarm: Pin<&mut Sleep>,
    ) {
        if bytes == 0 {
            return;
        }
        let wake = self.nap.after(bytes, self.link.inbox.capacity(), unhurried, now);
        if more {
            // On a runtime of one thread the others have had no turn for a while.
            yield_now().await;
        } else if let (Some(wake), true) = (wake, self.link.out.is_empty()) {
            self.link.detach();
            alarm.as_mut().reset(wake.into());
            alarm.await;
        }
    }

    /// Understands what was read, and what more there is by then: what follows is done once for all of it.
    fn take_in(&mut self, intake: &mut Intake, read: usize) -> Result<TakenIn, Error> {
        intake.open();
        let full = self.link.inbox.capacity() / 2;
        let mut taken_in = TakenIn { bytes: read, more: read > full, restart: None };
        let mut used = self.understand(intake, &mut taken_in.restart)?;
        for _ in 1..READS_AT_ONCE {
            let Some(arrived) = taken_in.more.then(|| self.link.exchange().now_or_never()) else { break };
            let read = arrived.unwrap_or(Ok(0)).map_err(|error| diagnosis::network(Stage::Stream, error))?;
            (taken_in.bytes, taken_in.more) = (taken_in.bytes + read, read > full);
            used += self.understand(intake, &mut taken_in.restart)?;
        }
        intake.measure(used);
        Ok(taken_in)
    }

    /// Everything that has arrived, message by message. Returns in how many bytes.
    fn understand(&mut self, intake: &mut Intake, restart: &mut Option<Why>) -> Result<usize, Error> {
        let mut used = 0;
        loop {
            let input = self.link.inbox.filled().get(used..).unwrap_or_default();
            let step =
                self.stream.advance(input).map_err(|error| diagnosis::protocol(Stage::Stream, error))?;
            used += step.consumed;
            match step.event {
                Some(StreamEvent::XLogData(data)) => {
                    self.feedback.saw(data.end());
                    self.postmark.saw(data.sent_at());
                    intake.read(&self.decoder, data.head(), data.is_cut(), data.end());
                }
                Some(StreamEvent::Keepalive(keepalive)) => {
                    self.feedback.saw(keepalive.end());
                    if keepalive.reply_requested() {
                        self.feedback.request_reply();
                    }
                }
                Some(StreamEvent::Notice(notice)) => {
                    let decoded = self.decoder.decode_notice(notice.message(), notice.is_cut());
                    if self.decoder.has_markers() {
                        intake.accept(decoded, self.feedback.position());
                    } else if intake.minds(&decoded) {
                        restart.get_or_insert_with(|| anonymous(&decoded));
                    }
                }
                Some(StreamEvent::Unknown { .. }) => intake.resync("its kind is unknown"),
                Some(StreamEvent::Ended) => return Err(ended()),
                Some(StreamEvent::Started) => {} // It was, before this loop.
                None => break,
            }
        }
        self.link.inbox.consume(used);
        Ok(used)
    }

    /// When something is due although nothing arrives.
    fn deadline(&self) -> Instant {
        let (status, confirmation) = (self.feedback.deadline(), self.confirmer.due(self.feedback.position()));
        confirmation.map_or(status, |due| status.min(due))
    }

    /// Says how far we are when that is due, unless the last time is still under way: for a server that asks and
    /// does not listen the answers must not pile up.
    fn report(&mut self, now: Instant) -> Result<(), Error> {
        let (position, due) = (self.feedback.position(), self.feedback.status(now));
        self.confirmer.arrived(position, now);
        self.confirmer.check(position)?;
        if !self.link.out.is_empty() {
            return Ok(());
        }
        let confirmed = self.confirmer.take();
        if due.is_none() && confirmed.is_none() {
            return Ok(());
        }
        let standing = self.confirmer.standing(position);
        if let Some(flushed) = confirmed.filter(|&flushed| flushed > standing) {
            self.say(flushed, false);
        }
        self.say(standing, due.is_some_and(|(_, ask)| ask));
        self.meter.reported();
        Ok(())
    }

    /// Appends a status.
    fn say(&mut self, flushed: Lsn, reply_requested: bool) {
        let (written, sent_at) = (self.feedback.position(), clock::replication_micros());
        let status = StandbyStatus { written, flushed, applied: flushed, sent_at, reply_requested };
        tracing::trace!(target: LOG, %written, %flushed, reply_requested, "standby status");
        self.stream.standby_status(&status, &mut self.link.out);
    }
}

/// Waits for the deadline, or for less. Every read moves the deadline, most often back: an alarm that goes
/// off too early finds nothing due, and costs less than setting it at every read. It is set when it is waited
/// for, and so not at all while every read finds something at once.
async fn goes_off(mut alarm: Pin<&mut Sleep>, deadline: Instant) {
    let deadline = deadline.into();
    if alarm.is_elapsed() || deadline < alarm.deadline() {
        alarm.as_mut().reset(deadline);
    }
    alarm.await;
}

fn silent() -> Error {
    Error::transient(ErrorKind::Timeout, "liveness_timeout ran out: the server is silent")
        .with_hint("check the network; raise liveness_timeout if the server is just slow")
}

/// A warning that stands for a change tells no transaction. Where markers do not either, what can be seen
/// cannot be asked for.
#[cold]
#[inline(never)]
fn anonymous(decoded: &Decoded<'_>) -> Why {
    let table = decoded.identities().first().map(|identity| &identity.table);
    let named = |table: &TableRef<'_>| format!("{}.{}", table.schema, table.table).escape_debug().to_string();
    Why::Markers(table.map_or("a table".into(), named))
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter => f.write_str(
                "there are partitioned tables now, and the filter on the server would hide their rows",
            ),
            Self::Markers(table) => write!(
                f,
                "{table} has no primary key and no replica identity: without transaction markers the visibility \
                 of its changes cannot be checked"
            ),
        }
    }
}

fn ended() -> Error {
    Error::transient(ErrorKind::Unavailable, "the server ended the stream")
        .with_hint("the server is shutting down or restarting")
}

/// Others are to have their turn within a millisecond.
const READS_AT_ONCE: usize = 12;
