//! When a message was on its way that was read later.

use std::time::{Duration, Instant};

/// The server's clock against ours.
///
/// XLogData tells when the server sent it (manual, "Streaming Replication Protocol"). Neither the
/// difference of the clocks nor how long messages are under way is known, but each message that is read
/// tells something about their sum: it would not have arrived long before the socket was last found empty,
/// nor after it was read.
#[derive(Clone, Debug, Default)]
pub struct Postmark {
    /// Of the last message, in microseconds of the server's clock. 0: there was none since it was asked
    /// about, or the peer has no clock.
    sent: i64,
    /// A message: when it was sent, and when it arrived, as far as that is known.
    known: Option<(i64, Instant)>,
}

impl Postmark {
    /// A message was sent at that time.
    #[inline]
    pub fn saw(&mut self, sent_at: i64) {
        self.sent = sent_at;
    }

    /// When the last message arrived, if that was between `earliest` and `latest`. A server whose clock
    /// is set tells nonsense for once: it cannot lead out of that.
    pub fn arrived(&mut self, earliest: Instant, latest: Instant) -> Instant {
        let sent = std::mem::take(&mut self.sent);
        if sent == 0 {
            return latest;
        }
        let expected = self.known.and_then(|(known, at)| shifted(at, sent.checked_sub(known)?));
        let arrived = expected.map_or(latest, |expected| expected.max(earliest).min(latest));
        self.known = Some((sent, arrived));
        arrived
    }
}

fn shifted(at: Instant, micros: i64) -> Option<Instant> {
    let by = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { at.checked_sub(by) } else { at.checked_add(by) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const NEW_YEAR_2026: i64 = 820_540_800_000_000;

    /// A server whose clock is that far ahead, and messages that are under way for 1 ms.
    struct Server {
        start: Instant,
        ahead: i64,
        postmark: Postmark,
    }

    impl Server {
        fn new() -> Self {
            Self { start: Instant::now(), ahead: NEW_YEAR_2026, postmark: Postmark::default() }
        }

        /// In ms: when a message arrives, after the socket was empty and until it is read; when it is
        /// said to have arrived.
        fn arrives(&mut self, at: i64, empty: u32, read: u32) -> u128 {
            self.postmark.saw(self.ahead + (at - 1) * 1000);
            self.told(empty, read)
        }

        fn told(&mut self, empty: u32, read: u32) -> u128 {
            let told = self.postmark.arrived(self.start + empty * MS, self.start + read * MS);
            told.duration_since(self.start).as_millis()
        }
    }

    #[test]
    fn r4_a_message_that_lay_there_is_told_apart() {
        let mut server = Server::new();
        assert_eq!(server.arrives(10, 10, 10), 10, "read when it came");
        assert_eq!(server.arrives(13, 10, 20), 13);
        assert_eq!(server.arrives(20, 20, 30), 20);
        assert_eq!(server.arrives(40, 30, 40), 40);
    }

    #[test]
    fn r4_the_clocks_are_known_better_with_each_message() {
        let mut server = Server::new();
        assert_eq!(server.arrives(3, 0, 10), 10, "nothing is known yet");
        assert_eq!(server.arrives(12, 10, 20), 19);
        assert_eq!(server.arrives(29, 20, 30), 30, "it cannot come later than it is read");
        assert_eq!(server.arrives(32, 30, 40), 33);
        assert_eq!(server.arrives(50, 40, 50), 50);
        assert_eq!(server.arrives(53, 50, 60), 53, "by and by they are known");
    }

    #[test]
    fn r4_a_clock_that_is_set_does_no_harm() {
        for leap in [-10_000_000, 10_000_000, i64::MIN, i64::MAX] {
            let mut server = Server::new();
            server.arrives(10, 10, 10);
            server.ahead =
                server.ahead.saturating_add(leap).clamp(i64::MIN + 1_000_000, i64::MAX - 1_000_000);
            let told = server.arrives(15, 10, 20);
            assert!((10..=20).contains(&told), "{leap}: {told}");
            server.arrives(30, 20, 30);
            server.arrives(30, 30, 40);
            assert_eq!(server.arrives(45, 40, 50), 45, "{leap}");
        }
    }

    #[test]
    fn what_tells_no_time_arrived_when_it_was_read() {
        let mut server = Server::new();
        server.arrives(10, 10, 10);
        assert_eq!(server.told(10, 20), 20, "no message");
        server.postmark.saw(0);
        assert_eq!(server.told(20, 30), 30, "a peer without a clock");
        assert_eq!(server.arrives(33, 30, 40), 33, "neither is held against the others");
    }
}
