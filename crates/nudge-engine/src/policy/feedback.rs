//! What is said upstream and when, and whether the server is still there.
//!
//! A walsender of PostgreSQL 16 or later can sleep through a commit. It looks how far the log has been
//! flushed, and only then signs up to be woken; a commit that is flushed in between wakes nobody, and is
//! sent with whatever wakes the walsender next. Anything that it reads from its client does. So after
//! every sign that it has been awake it is woken again, soon, often for a while and then ever more
//! rarely. Each of these opens the same gap, but a narrow one, for then it has nothing to send; and a
//! commit that falls into it waits for the next.

use std::time::{Duration, Instant};

use nudge_proto::Lsn;

/// The position that has arrived, the cadence of standby status, and liveness.
///
/// The position is the highest that was seen in the stream, keepalives included: that lets the server shut down.
/// Liveness counts bytes, not messages: a huge row on a slow link is not a dead link.
///
/// Tell it what a read brings, ask for the [`status`](Self::status) that is due, and come back at the
/// [`deadline`](Self::deadline) if nothing arrives before.
#[derive(Clone, Debug)]
pub struct Feedback {
    interval: Duration,
    liveness: Option<Duration>,
    position: Lsn,
    /// The walsender has read new log since the last look at what is due.
    awoken: bool,
    /// When that was last noticed.
    awake: Instant,
    reply_requested: bool,
    said: Instant,
    heard: Instant,
    /// Invariant: `due <= said + interval`.
    due: Instant,
    /// From the last status, or from when the walsender was awake, to `due`: between [`SOON`] and
    /// `interval`.
    pause: Duration,
}

impl Feedback {
    /// `interval`: at most this long between two statuses. `liveness`: silence after which the server
    /// counts as gone.
    pub fn new(interval: Duration, liveness: Option<Duration>, position: Lsn, now: Instant) -> Self {
        Self {
            interval,
            liveness,
            position,
            awoken: false,
            awake: now,
            reply_requested: false,
            said: now,
            heard: now,
            due: now + SOON.min(interval),
            pause: SOON.min(interval),
        }
    }

    /// The server has sent everything up to `lsn`. Positions never move backwards.
    ///
    /// A walsender that has read new log tells so before it sleeps, if only with a keepalive. One that
    /// answers a status repeats the old position.
    pub fn saw(&mut self, lsn: Lsn) {
        self.awoken |= lsn > self.position;
        self.position = self.position.max(lsn);
    }

    /// The server asks for a status at once.
    pub fn request_reply(&mut self) {
        self.reply_requested = true;
    }

    /// Bytes have arrived.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Everything before it has arrived.
    pub fn position(&self) -> Lsn {
        self.position
    }

    /// The status that is due at `now`, if one is: the position, and whether the server shall answer.
    /// Calling it counts as saying it.
    ///
    /// The server is asked to answer when otherwise it might be silent for longer than the interval
    /// before it is asked again: an idle server may say nothing for half of `wal_sender_timeout`, and
    /// silence alone does not tell it from a dead one. Not more often: a walsender that has an answer to
    /// send is twenty times as likely to miss a commit meanwhile.
    pub fn status(&mut self, now: Instant) -> Option<(Lsn, bool)> {
        if std::mem::take(&mut self.awoken) {
            self.awake = now;
            self.pause = SOON.min(self.interval);
            self.due = (now + self.pause).min(self.said + self.interval);
        }
        if !self.reply_requested && now < self.due {
            return None;
        }
        self.reply_requested = false;
        self.said = now;
        self.pause = self.next_pause(now);
        self.due = now + self.pause;
        let ask = self.due > self.heard + self.interval;
        Some((self.position, ask))
    }

    fn next_pause(&self, now: Instant) -> Duration {
        let longest = if now < self.awake + RECENT { OFTEN.min(self.interval) } else { self.interval };
        self.pause.saturating_mul(2).min(longest)
    }

    /// Whether the server has been silent for too long.
    pub fn is_dead(&self, now: Instant) -> bool {
        self.liveness.is_some_and(|liveness| now >= self.heard + liveness)
    }

    /// When to look again if nothing arrives.
    pub fn deadline(&self) -> Instant {
        self.liveness.map_or(self.due, |liveness| self.due.min(self.heard + liveness))
    }
}

/// The first pause after the walsender was awake. Most commits that it sleeps through come within a
/// millisecond of that; this is less than half of the default `debounce`, and while the stream is never
/// quiet for that long no status is added at all.
const SOON: Duration = Duration::from_millis(20);

/// The longest pause while the walsender was awake [recently](RECENT). A commit that is slept through
/// waits for this long at most: it bounds by how much an item can be later than its window.
const OFTEN: Duration = Duration::from_millis(60);

/// What counts as recently. Thereafter pauses double: what is quiet for longer is rarely interrupted
/// within the microseconds of a gap, and an idle feed shall cost nothing.
const RECENT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);
    const S: Duration = Duration::from_secs(1);

    /// A server and its client, on a clock of their own.
    struct Stream {
        feedback: Feedback,
        start: Instant,
        now: Instant,
        lsn: u64,
    }

    impl Stream {
        /// Interval 10 s, liveness 30 s; CopyBothResponse has just arrived.
        fn started() -> Self {
            Self::with(10 * S, 30 * S)
        }

        fn with(interval: Duration, liveness: Duration) -> Self {
            let start = Instant::now();
            let feedback = Feedback::new(interval, Some(liveness), Lsn::new(5), start);
            Self { feedback, start, now: start, lsn: 5 }
        }

        /// The server has read new log, and says so.
        fn wakes(&mut self) {
            self.lsn += 1;
            self.says(self.lsn);
        }

        /// The server says anything, at a moment at which no status is due.
        fn says(&mut self, lsn: u64) {
            self.feedback.heard(self.now);
            self.feedback.saw(Lsn::new(lsn));
            assert_eq!(self.feedback.status(self.now), None);
        }

        /// Nothing happens until `end`, except statuses and the answers to them: when, in milliseconds,
        /// and whether with an answer.
        fn quiet_until(&mut self, end: Duration) -> Vec<(u128, bool)> {
            let mut said = vec![];
            while self.feedback.deadline() <= self.start + end {
                self.now = self.feedback.deadline();
                assert!(!self.feedback.is_dead(self.now), "after {:?}", self.now - self.start);
                let (_, ask) = self.feedback.status(self.now).expect("a status is due at the deadline");
                said.push(((self.now - self.start).as_millis(), ask));
                if ask {
                    self.says(self.lsn);
                }
            }
            self.now = self.start + end;
            said
        }
    }

    proptest! {
        #[test]
        fn the_position_never_moves_backwards(positions: Vec<u64>) {
            let mut feedback = Feedback::new(S, None, Lsn::new(5), Instant::now());
            let mut last = feedback.position();
            for lsn in positions {
                feedback.saw(Lsn::new(lsn));
                prop_assert!(feedback.position() >= last);
                last = feedback.position();
            }
        }

        /// Whatever arrives: a sign that the walsender was awake is followed up soon, nothing else brings
        /// the next status forward, and none is later than the interval.
        #[test]
        fn only_a_walsender_that_was_awake_hastens_a_status(
            steps in prop::collection::vec((0..3000_u32, 0..3_u64), 1..200),
        ) {
            let mut stream = Stream::with(2 * S, 30 * S);
            for (pause, progress) in steps {
                stream.now += pause * MS;
                stream.feedback.heard(stream.now);
                stream.feedback.status(stream.now);
                let before = stream.feedback.deadline();
                stream.says(stream.lsn);
                prop_assert!(stream.feedback.deadline() >= before);
                stream.lsn += progress;
                stream.says(stream.lsn);
                prop_assert!(progress == 0 || stream.feedback.deadline() <= stream.now + SOON);
                prop_assert!(stream.now >= stream.feedback.awake + RECENT
                    || stream.feedback.deadline() <= stream.now + OFTEN);
                prop_assert!(stream.feedback.deadline() <= stream.now + 2 * S);
            }
        }

        /// What the follow-up costs: while the stream is quiet at most one status per 20 ms and then per
        /// 60 ms, after two seconds at most one per doubling of the quiet time.
        #[test]
        fn a_quiet_spell_costs_a_few_dozen_statuses(wakes in prop::collection::vec(0..30_000_u32, 1..20)) {
            let mut stream = Stream::started();
            stream.quiet_until(60 * S);
            for &pause in &wakes {
                stream.wakes();
                let said = stream.quiet_until(stream.now - stream.start + pause * MS).len();
                let doublings = (pause.saturating_sub(2000) / 60 + 1).ilog2();
                let most = 2 + pause.min(2000) / 60 + doublings + pause / 10_000;
                prop_assert!(said <= most as usize, "{said} in {pause} ms");
            }
            stream.wakes();
            let end = stream.now - stream.start;
            prop_assert!(stream.quiet_until(end + 60 * S).len() < 60, "on average less than one per second");
        }
    }

    #[test]
    fn statuses_follow_activity_soon_and_often_and_then_ever_more_rarely() {
        let mut stream = Stream::started();
        let first: Vec<_> = stream.quiet_until(2 * S).iter().map(|&(at, _)| at).collect();
        let every_60: Vec<u128> = (60..=1980).step_by(60).collect();
        assert_eq!(first, [&[20], &every_60[..]].concat());
        let later = [2040, 2160, 2400, 2880, 3840, 5760].map(|at| (at, false));
        assert_eq!(stream.quiet_until(8 * S), later);
        assert_eq!(
            stream.quiet_until(40 * S),
            [(9600, true), (17_280, true), (27_280, true), (37_280, true)]
        );
        stream.wakes();
        assert_eq!(stream.quiet_until(40_100 * MS), [(40_020, false), (40_060, false)]);
        stream.wakes();
        assert_eq!(stream.quiet_until(40_130 * MS), [(40_120, false)]);
    }

    #[test]
    fn a_stream_that_is_never_quiet_costs_one_status_per_interval() {
        let mut stream = Stream::started();
        let mut said = vec![];
        for ms in 1..=25_000 {
            said.extend(stream.quiet_until(ms * MS));
            stream.wakes();
        }
        assert_eq!(said, [(10_000, false), (20_000, false)]);
    }

    #[test]
    fn a_request_is_answered_at_once() {
        let mut stream = Stream::started();
        stream.quiet_until(12 * S);
        stream.feedback.request_reply();
        assert_eq!(stream.feedback.status(stream.now), Some((Lsn::new(5), true)));
        assert_eq!(stream.feedback.status(stream.now), None);
    }

    #[test]
    fn a_silent_server_is_asked_and_then_given_up() {
        let mut stream = Stream::started();
        let mut asked = false;
        while stream.now < stream.start + 20 * S {
            stream.now = stream.feedback.deadline();
            asked |= stream.feedback.status(stream.now).is_some_and(|(_, ask)| ask);
        }
        assert!(asked);
        assert!(!stream.feedback.is_dead(stream.start + 29 * S));
        assert!(stream.feedback.is_dead(stream.start + 30 * S));
    }

    /// Even when `liveness_timeout` is hardly longer than the interval.
    #[test]
    fn a_server_that_answers_is_never_given_up() {
        let mut stream = Stream::with(10 * S, 10 * S + MS);
        stream.quiet_until(1000 * S);
        stream.wakes();
        stream.quiet_until(2000 * S);
    }

    #[test]
    fn any_byte_is_a_sign_of_life() {
        let start = Instant::now();
        let mut feedback = Feedback::new(10 * S, Some(30 * S), Lsn::new(5), start);
        feedback.heard(start + 29 * S);
        assert!(!feedback.is_dead(start + 58 * S));
        feedback.liveness = None;
        assert!(!feedback.is_dead(start + 1000 * S));
    }
}
