//! What is said upstream and when, and whether the server is still there.

use std::time::{Duration, Instant};

use nudge_proto::Lsn;

/// The position to confirm, the cadence of standby status, and liveness.
///
/// The position is the highest that was seen in the stream, keepalives included: a feed never resumes,
/// so everything that has arrived is done with, and confirming it lets the server drop its log, vacuum
/// and shut down. Liveness counts bytes, not messages: a huge row on a slow link is not a dead link.
#[derive(Clone, Debug)]
pub struct Feedback {
    interval: Duration,
    liveness: Option<Duration>,
    position: Lsn,
    confirmed: Lsn,
    reply_requested: bool,
    said: Instant,
    heard: Instant,
}

impl Feedback {
    /// `interval`: at most this long between two statuses. `liveness`: silence after which the server
    /// counts as gone.
    pub fn new(interval: Duration, liveness: Option<Duration>, position: Lsn, now: Instant) -> Self {
        Self {
            interval,
            liveness,
            position,
            confirmed: position,
            reply_requested: false,
            said: now,
            heard: now,
        }
    }

    /// The server has sent everything up to `lsn`. Positions never move backwards.
    pub fn saw(&mut self, lsn: Lsn) {
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

    /// The position to confirm.
    pub fn position(&self) -> Lsn {
        self.position
    }

    /// The status that is due at `now`, if one is: the position, and whether the server shall answer.
    /// Calling it counts as saying it.
    ///
    /// The server is asked to answer when it has been silent since the last status: an idle server
    /// may say nothing for half of `wal_sender_timeout`, and silence alone does not tell it from a
    /// dead one.
    pub fn status(&mut self, now: Instant) -> Option<(Lsn, bool)> {
        if !self.reply_requested && !self.is_behind() && now < self.said + self.interval {
            return None;
        }
        let ask = self.heard <= self.said;
        self.reply_requested = false;
        self.said = now;
        self.confirmed = self.position;
        Some((self.position, ask))
    }

    /// Whether so much has arrived unconfirmed that the interval is not waited for.
    fn is_behind(&self) -> bool {
        self.position.get().saturating_sub(self.confirmed.get()) >= Self::CONFIRM_AFTER
    }

    /// Bytes of the server's log. What is not confirmed is kept there: this and what is on its way
    /// shall stay below one segment of it (16 MiB).
    const CONFIRM_AFTER: u64 = 4 << 20;

    /// Whether the server has been silent for too long.
    pub fn is_dead(&self, now: Instant) -> bool {
        self.liveness.is_some_and(|liveness| now >= self.heard + liveness)
    }

    /// When to look again if nothing arrives.
    pub fn deadline(&self) -> Instant {
        let status = self.said + self.interval;
        self.liveness.map_or(status, |liveness| status.min(self.heard + liveness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: Duration = Duration::from_secs(1);

    fn feedback(now: Instant) -> Feedback {
        Feedback::new(10 * S, Some(30 * S), Lsn::new(5), now)
    }

    proptest! {
        #[test]
        fn the_position_never_moves_backwards(positions: Vec<u64>) {
            let mut feedback = feedback(Instant::now());
            let mut last = feedback.position();
            for lsn in positions {
                feedback.saw(Lsn::new(lsn));
                prop_assert!(feedback.position() >= last);
                last = feedback.position();
            }
        }
    }

    #[test]
    fn a_status_goes_out_at_the_interval_and_on_request() {
        let start = Instant::now();
        let mut feedback = feedback(start);
        assert_eq!(feedback.status(start + 9 * S), None);
        feedback.heard(start + 9 * S);
        assert_eq!(feedback.status(start + 10 * S), Some((Lsn::new(5), false)));
        feedback.request_reply();
        assert!(feedback.status(start + 11 * S).is_some());
        assert_eq!(feedback.status(start + 11 * S), None);
    }

    #[test]
    fn r9_a_busy_server_need_not_wait_for_the_interval() {
        let start = Instant::now();
        let mut feedback = feedback(start);
        feedback.heard(start + S);
        feedback.saw(Lsn::new(4 << 20));
        assert_eq!(feedback.status(start + S), None);
        feedback.saw(Lsn::new(5 + (4 << 20)));
        assert_eq!(feedback.status(start + S), Some((Lsn::new(5 + (4 << 20)), false)));
        assert_eq!(feedback.status(start + S), None);
    }

    #[test]
    fn a_silent_server_is_asked_and_then_given_up() {
        let start = Instant::now();
        let mut feedback = feedback(start);
        assert_eq!(feedback.deadline(), start + 10 * S);
        assert_eq!(feedback.status(start + 10 * S), Some((Lsn::new(5), true)));
        assert!(!feedback.is_dead(start + 29 * S));
        assert!(feedback.is_dead(start + 30 * S));
    }

    #[test]
    fn any_byte_is_a_sign_of_life() {
        let start = Instant::now();
        let mut feedback = feedback(start);
        feedback.heard(start + 29 * S);
        assert!(!feedback.is_dead(start + 58 * S));
        feedback.liveness = None;
        assert!(!feedback.is_dead(start + 1000 * S));
    }
}
