//! Reading lazily while the stream is hot.
//!
//! A walsender flushes message by message, so that an eager reader makes a system call for every other
//! change, and wakes the server's process as often. While a window is open anyway nobody waits for the
//! next byte: a nap before the next read lets more arrive, at a fraction of the cost for both sides.

use std::time::{Duration, Instant};

/// When to read next.
#[derive(Clone, Debug)]
pub struct Nap {
    length: Duration,
    /// When the last read ended, and the nap behind it.
    looked: Option<(Instant, Instant)>,
    /// Reads in a row that found something at once.
    quick: u32,
}

impl Nap {
    /// A part of `debounce`, for by so much an item may be late: the changes that arrive during a nap
    /// are seen at its end. Without a window there are no naps.
    pub fn new(debounce: Duration) -> Self {
        Self { length: (debounce / 25).min(Self::LONGEST), looked: None, quick: 0 }
    }

    /// A read at `now` brought so many bytes, of the inbox's `room`. Returns until when to nap, if at
    /// all. `unhurried`: until when nobody waits for what comes, if anything is pending.
    ///
    /// Not before the stream has proven hot; not close to the end of the window, so that what arrives
    /// until then is part of it; and not when so much comes that the socket would fill up meanwhile.
    /// Bytes that wait longer than it takes to write as many again have left the processor's cache: then
    /// a nap costs more than it saves.
    pub fn after(
        &mut self,
        read: usize,
        room: usize,
        unhurried: Option<Instant>,
        now: Instant,
    ) -> Option<Instant> {
        let wake = now + self.length;
        let (quick, slow) = match self.looked {
            Some((looked, awake)) => {
                let arrived_in = now.saturating_duration_since(looked);
                (now <= awake + self.length, self.fits(read, arrived_in, room))
            }
            None => (false, false),
        };
        self.quick = if quick { self.quick.saturating_add(1) } else { 0 };
        let may = self.quick >= Self::HOT
            && slow
            && !self.length.is_zero()
            && unhurried.is_some_and(|until| wake + self.length <= until);
        self.looked = Some((now, if may { wake } else { now }));
        may.then_some(wake)
    }

    /// Whether at the rate of the last read there is room for what arrives during a nap.
    fn fits(&self, read: usize, arrived_in: Duration, room: usize) -> bool {
        let expected = self.length.as_nanos().saturating_mul(read as u128);
        read <= room / 2 && expected <= arrived_in.as_nanos().saturating_mul(room as u128)
    }

    /// A server at full speed prints some 20 MB per second: in this time less than the smallest receive
    /// buffers hold.
    const LONGEST: Duration = Duration::from_millis(2);
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
    fn r4_a_hot_stream_is_read_every_other_millisecond_while_its_window_is_open() {
        let (start, due) = (Instant::now(), Duration::from_millis(50));
        let mut nap = hot(50 * MS, start);
        let wake = nap.after(100, ROOM, Some(start + due), start);
        assert_eq!(wake, Some(start + 2 * MS));
        assert_eq!(nap.after(5000, ROOM, Some(start + due), start + 3 * MS), Some(start + 5 * MS));
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
        let check = |debounce, read, unhurried| hot(debounce, start).after(read, ROOM, unhurried, start);
        assert_eq!(check(50 * MS, 100, None), None, "nothing is pending, or it is due at once");
        assert_eq!(check(50 * MS, 100, Some(start + 3 * MS)), None, "the window closes soon");
        assert_eq!(check(Duration::ZERO, 100, Some(start + 50 * MS)), None, "without a window");
        assert_eq!(check(50 * MS, ROOM / 2 + 1, Some(start + 50 * MS)), None, "more is waiting");
        assert_eq!(check(50 * MS, 1000, Some(start + 50 * MS)), None, "the socket would fill up");
        assert!(check(50 * MS, 600, Some(start + 50 * MS)).is_some());
    }
}
