//! Reading lazily while the stream is hot.
//!
//! A walsender flushes message by message, so that an eager reader makes a system call for every other
//! change, and wakes the server's process as often. While a window is open anyway nobody waits for the
//! next byte: a nap before the next read lets more arrive, at a fraction of the cost for both sides.

use std::time::{Duration, Instant};

/// When to read next.
#[derive(Clone, Debug)]
pub struct Nap {
    shortest: Duration,
    longest: Duration,
    /// When the last read ended, and the nap behind it.
    looked: Option<(Instant, Instant)>,
    /// When the nap before that one began, if it was one.
    before: Option<Instant>,
    /// Reads in a row that found something at once.
    quick: u32,
    /// How long the next nap may be at most.
    limit: Duration,
}

impl Nap {
    /// At most a fifth of `debounce`. Without a window there are no naps.
    pub fn new(debounce: Duration) -> Self {
        let shortest = (debounce / 25).min(Self::SHORT);
        Self { shortest, longest: 5 * shortest, looked: None, before: None, quick: 0, limit: shortest }
    }

    /// When what is read at `now` was sent at the earliest, as far as that matters: when the nap before
    /// the last one began. What is sent during a nap may be held up until the read at its end.
    pub fn earliest(&self, now: Instant) -> Instant {
        self.last_nap(now).map_or(now, |began| self.before.unwrap_or(began).min(now))
    }

    /// When the nap began that has just ended, if one has.
    fn last_nap(&self, now: Instant) -> Option<Instant> {
        let (looked, awake) = self.looked?;
        (looked < awake && now <= awake + self.shortest).then_some(looked)
    }

    /// A read at `now` brought so many bytes; the inbox has so much `room`. `unhurried`: until when nobody
    /// waits for what comes, if anything is pending. Returns until when to nap.
    ///
    /// There is no nap before the stream has proven hot, and none close to the end of the window, so that
    /// what arrives until then is part of it.
    pub fn after(
        &mut self,
        read: usize,
        room: usize,
        unhurried: Option<Instant>,
        now: Instant,
    ) -> Option<Instant> {
        let wake = self.wake(read, room, unhurried, now);
        self.before = self.last_nap(now);
        self.looked = Some((now, wake.unwrap_or(now)));
        wake
    }

    fn wake(
        &mut self,
        read: usize,
        room: usize,
        unhurried: Option<Instant>,
        now: Instant,
    ) -> Option<Instant> {
        let (looked, awake) = self.looked.unwrap_or((now, now));
        self.quick = if now <= awake + self.shortest { self.quick.saturating_add(1) } else { 0 };
        let length = self.length(read, now.saturating_duration_since(looked), room)?;
        let latest = unhurried?.checked_sub(self.shortest)?;
        let may = self.quick > Self::HOT && now + self.shortest <= latest;
        self.limit = if may { self.longest.min(2 * length) } else { self.shortest };
        may.then_some(latest.min(now + length))
    }

    /// How long a nap may be, at the rate of the last read: as long as it takes to fill a quarter of the
    /// inbox, but at first no longer than twice the one before: of a burst of small messages after a pause
    /// most was seen to come through only when the first few had been read.
    ///
    /// None at all when so much comes that the socket would fill up meanwhile. Bytes that wait longer
    /// than it takes to write as many again have left the processor's cache: then a nap costs more than
    /// it saves.
    fn length(&self, read: usize, arrived_in: Duration, room: usize) -> Option<Duration> {
        let nanos = arrived_in.as_nanos().saturating_mul(room as u128 / 4) / read.max(1) as u128;
        let quarter = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let fits = read <= room / 2 && self.shortest <= quarter.saturating_mul(4);
        (fits && !self.shortest.is_zero()).then(|| quarter.clamp(self.shortest, self.limit))
    }

    /// A server at full speed prints some 20 MB per second: in this time less than the smallest receive
    /// buffers hold.
    const SHORT: Duration = Duration::from_millis(2);
    /// One transaction may come in several reads and be all.
    const HOT: u32 = 4;
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const ROOM: usize = 128 * 1024;

    fn hot(debounce: Duration, now: Instant) -> Nap {
        let mut nap = Nap::new(debounce);
        for early in (1..5).rev() {
            let now = now - early * MS / 100;
            assert_eq!(nap.after(100, ROOM, Some(now + 50 * MS), now), None, "not hot yet");
        }
        nap
    }

    #[test]
    fn r4_a_hot_stream_is_read_every_few_milliseconds_while_its_window_is_open() {
        let start = Instant::now();
        let unhurried = Some(start + 50 * MS);
        let mut nap = hot(50 * MS, start);
        let mut sleeps_until = |read, at| nap.after(read, ROOM, unhurried, start + at);
        let in_which = |bytes_per_ms| MS * 32_768 / bytes_per_ms;
        assert_eq!(sleeps_until(100, Duration::ZERO), Some(start + 2 * MS), "short at first");
        assert_eq!(sleeps_until(4000, 2 * MS), Some(start + 6 * MS));
        assert_eq!(sleeps_until(4000, 6 * MS), Some(start + 14 * MS));
        assert_eq!(sleeps_until(4000, 14 * MS), Some(start + 24 * MS), "never for longer");
        assert_eq!(
            sleeps_until(50_000, 24 * MS),
            Some(start + 24 * MS + in_which(5000)),
            "a quarter of the room"
        );
        assert_eq!(sleeps_until(60_000, 28 * MS), Some(start + 28 * MS + in_which(15_000)));
        assert_eq!(sleeps_until(60_000, 31 * MS), Some(start + 33 * MS), "never for less");
    }

    #[test]
    fn r4_the_last_part_of_a_window_is_read_in_time() {
        let start = Instant::now();
        let sleeps_until = |end| hot(50 * MS, start).after(100, ROOM, Some(start + end), start);
        assert_eq!(sleeps_until(5 * MS), Some(start + 2 * MS));
        assert_eq!(sleeps_until(4 * MS), Some(start + 2 * MS));
        assert_eq!(sleeps_until(3 * MS), None);
    }

    #[test]
    fn r4_what_was_sent_during_two_naps_is_read_at_their_end() {
        let start = Instant::now();
        let mut nap = hot(50 * MS, start);
        assert_eq!(nap.earliest(start), start, "no nap has been");
        for (asleep, awake, earliest) in [(0, 2, 0), (2, 6, 0), (6, 14, 2)] {
            let (asleep, awake) = (start + asleep * MS, start + awake * MS);
            assert_eq!(nap.after(100, ROOM, Some(start + 50 * MS), asleep), Some(awake));
            assert_eq!(nap.earliest(awake), start + earliest * MS);
            assert_eq!(nap.earliest(awake + 3 * MS), awake + 3 * MS, "it came after the nap");
        }
    }

    #[test]
    fn a_stream_that_pauses_is_not_hot() {
        let start = Instant::now();
        let mut nap = hot(50 * MS, start);
        assert_eq!(nap.after(100, ROOM, Some(start + 60 * MS), start + 10 * MS), None);
    }

    #[test]
    fn r4_nobody_is_kept_waiting() {
        let start = Instant::now();
        let check = |debounce, read, until: Option<Duration>| {
            hot(debounce, start).after(read, ROOM, until.map(|until| start + until), start).is_some()
        };
        assert!(!check(50 * MS, 100, None), "nothing is pending, or it is due at once");
        assert!(!check(50 * MS, 100, Some(3 * MS)), "the window closes soon");
        assert!(!check(Duration::ZERO, 100, Some(50 * MS)), "without a window");
        assert!(!check(50 * MS, ROOM / 2 + 1, Some(50 * MS)), "more is waiting");
        assert!(!check(50 * MS, 1000, Some(50 * MS)), "the socket would fill up");
        assert!(check(50 * MS, 600, Some(50 * MS)));
    }
}
