//! The streaming loop: the busiest code of the project.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use nudge_decode::{Decoded, Decoder};
use nudge_proto::{Lsn, StandbyStatus, Stream, StreamEvent};
use tokio::select;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::Sleep;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::{Feedback, Nap, Postmark};
use crate::runtime::intake::Intake;
use crate::runtime::link::Link;
use crate::runtime::{clock, meter};
use crate::{Error, ErrorKind};

/// A stream that the server has begun.
pub(crate) struct Replication<'a> {
    pub(crate) link: Link,
    pub(crate) stream: Stream,
    pub(crate) decoder: Decoder,
    /// Whether the next stream has to have the markers of transactions.
    pub(crate) markers: &'a mut bool,
    pub(crate) feedback: Feedback,
    pub(crate) nap: Nap,
    pub(crate) postmark: Postmark,
    pub(crate) intake: &'a mut Intake,
    /// Somebody has found out that the stream does not bring what it should any more.
    pub(crate) outgrown: Arc<Notify>,
}

/// What came of one turn of reading.
struct TakenIn {
    bytes: usize,
    /// There was more at its end.
    more: bool,
}

impl Replication<'_> {
    /// Reads until the connection ends, and says why it did. Nothing here waits for the consumer
    /// (rule R9).
    pub(crate) async fn run(mut self) -> Error {
        let mut alarm = pin!(clock::sleep_until(clock::now()));
        let mut read = 0;
        loop {
            let taken_in = self.take_in(read);
            let now = clock::now();
            // Also when the stream ends here: what came before its end is delivered.
            let arrived = self.postmark.arrived(self.nap.earliest(now), now);
            let unhurried = self.intake.close(self.feedback.position(), arrived, now);
            let taken_in = match taken_in {
                Ok(taken_in) => taken_in,
                Err(error) => return error,
            };
            if let Some((position, ask)) = self.feedback.status(now) {
                self.confirm(position, ask);
            }
            if self.feedback.is_dead(now) {
                return silent();
            }
            self.rest(taken_in, unhurried, now, alarm.as_mut()).await;
            read = 0;
            let deadline = self.feedback.deadline();
            select! {
                biased;
                () = self.outgrown.notified() => return outgrown(),
                // Before the timer: after a pause of the whole process both are ready, and then the
                // server is not silent.
                arrived = self.link.exchange() => match arrived {
                    Ok(n) => {
                        read = n;
                        self.feedback.heard(clock::now());
                    }
                    Err(error) => return diagnosis::network(Stage::Stream, error),
                },
                () = goes_off(alarm.as_mut(), deadline) => {}
            }
        }
    }

    /// Before the next read.
    async fn rest(
        &mut self,
        TakenIn { bytes, more }: TakenIn,
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
    fn take_in(&mut self, read: usize) -> Result<TakenIn, Error> {
        self.intake.open();
        let full = self.link.inbox.capacity() / 2;
        let mut taken_in = TakenIn { bytes: read, more: read > full };
        let mut used = self.understand()?;
        for _ in 1..READS_AT_ONCE {
            let Some(arrived) = taken_in.more.then(|| self.link.exchange().now_or_never()) else { break };
            let read = arrived.unwrap_or(Ok(0)).map_err(|error| diagnosis::network(Stage::Stream, error))?;
            taken_in = TakenIn { bytes: taken_in.bytes + read, more: read > full };
            used += self.understand()?;
        }
        self.intake.measure(used);
        Ok(taken_in)
    }

    /// Everything that has arrived, message by message. Returns in how many bytes.
    fn understand(&mut self) -> Result<usize, Error> {
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
                    self.intake.read(&self.decoder, data.head(), data.is_cut(), data.end());
                }
                Some(StreamEvent::Keepalive(keepalive)) => {
                    self.feedback.saw(keepalive.end());
                    if keepalive.reply_requested() {
                        self.feedback.request_reply();
                    }
                }
                Some(StreamEvent::Notice(notice)) => {
                    let decoded = self.decoder.decode_notice(notice.message(), notice.is_cut());
                    if !self.decoder.has_markers() && self.intake.minds(&decoded) {
                        *self.markers = true;
                        return Err(anonymous(&decoded));
                    }
                    self.intake.accept(decoded);
                }
                Some(StreamEvent::Unknown { .. }) => self.intake.resync("its kind is unknown"),
                Some(StreamEvent::Ended) => return Err(ended()),
                Some(StreamEvent::Started) => {} // It was, before this loop.
                None => break,
            }
        }
        self.link.inbox.consume(used);
        Ok(used)
    }

    /// Says how far we are, unless the last time is still under way: for a server that asks and does
    /// not listen the answers must not pile up.
    fn confirm(&mut self, position: Lsn, reply_requested: bool) {
        if !self.link.out.is_empty() {
            return;
        }
        let status = StandbyStatus { position, sent_at: clock::replication_micros(), reply_requested };
        tracing::trace!(%position, reply_requested, "standby status");
        self.stream.standby_status(&status, &mut self.link.out);
        meter::confirmed();
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

fn outgrown() -> Error {
    Error::transient(
        ErrorKind::Config,
        "there are partitioned tables now, and the filter on the server would hide their rows",
    )
    .with_hint("nothing has to be done: the feed connects again with a filter that fits")
}

/// A warning that stands for a change tells no transaction (rules R8 and R13). Where markers do not either,
/// what can be seen cannot be asked for; the Resync of the next stream stands for the change.
#[cold]
#[inline(never)]
fn anonymous(decoded: &Decoded<'_>) -> Error {
    let table = decoded.identities().first().map(|identity| &identity.table);
    let table = table.map_or("a table".into(), |table| format!("{}.{}", table.schema, table.table));
    Error::transient(
        ErrorKind::Config,
        format!("{table} has no replica identity: without transaction markers nobody knows when a change of it can be seen"),
    )
    .with_hint("the feed connects again, with markers from now on; give the table a primary key or a replica identity")
}

fn ended() -> Error {
    Error::transient(ErrorKind::Unavailable, "the server ended the stream")
        .with_hint("the server is shutting down or restarting")
}

/// Others are to have their turn within a millisecond.
const READS_AT_ONCE: usize = 12;
