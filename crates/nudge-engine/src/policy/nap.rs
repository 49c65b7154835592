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
    /// Reads in a row that found something at once.
    quick: u32,
}

impl Nap {
    /// At most a fifth of `debounce`. Without a window there are no naps.
    pub fn new(debounce: Duration) -> Self {
        let shortest = (debounce / 25).min(Self::SHORT);
        Self { shortest, longest: 5 * shortest, looked: None, quick: 0 }
    }

    /// When what is read at `now` may have arrived at the earliest: when the last nap began, if it has
    /// just ended.
    pub fn earliest(&self, now: Instant) -> Instant {
        let slept = self.looked.filter(|(looked, awake)| looked < awake && now <= *awake + self.shortest);
        slept.map_or(now, |(looked, _)| looked.min(now))
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
        may.then_some(latest.min(now + length))
    }

    /// How long a nap may be, at the rate of the last read: as long as it takes to fill a quarter of the
    /// inbox.
    ///
    /// None at all when so much comes that the socket would fill up meanwhile. Bytes that wait longer
    /// than it takes to write as many again have left the processor's cache: then a nap costs more than
    /// it saves.
    fn length(&self, read: usize, arrived_in: Duration, room: usize) -> Option<Duration> {
        let nanos = arrived_in.as_nanos().saturating_mul(room as u128 / 4) / read.max(1) as u128;
        let quarter = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let fits = read <= room / 2 && self.shortest <= quarter.saturating_mul(4);
        (fits && !self.shortest.is_zero()).then(|| quarter.clamp(self.shortest, self.longest))
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
        let least = hot(50 * MS, start).after(300, ROOM, unhurried, start);
        assert_eq!(least, Some(start + 2 * MS), "never for less");
        let mut nap = hot(50 * MS, start);
        let mut sleeps_until = |read, at| nap.after(read, ROOM, unhurried, start + at);
        let in_which = |bytes_per_ms| MS * 32_768 / bytes_per_ms;
        assert_eq!(
            sleeps_until(100, Duration::ZERO),
            Some(start + in_which(10_000)),
            "a quarter of the room"
        );
        assert_eq!(sleeps_until(4000, 4 * MS), Some(start + 14 * MS), "never for longer");
        assert_eq!(sleeps_until(50_000, 14 * MS), Some(start + 14 * MS + in_which(5000)));
    }

    #[test]
    fn r4_the_last_part_of_a_window_is_read_in_time() {
        let start = Instant::now();
        let sleeps_until = |end| hot(50 * MS, start).after(100, ROOM, Some(start + end), start);
        assert_eq!(sleeps_until(5 * MS), Some(start + 3 * MS));
        assert_eq!(sleeps_until(4 * MS), Some(start + 2 * MS));
        assert_eq!(sleeps_until(3 * MS), None);
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
