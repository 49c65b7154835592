//! Pauses between attempts at a session, and the jitter in them.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use pgnudge::Error;

/// Failures in a row.
#[derive(Debug)]
pub(crate) struct Retry {
    what: &'static str,
    initial: Duration,
    max: Duration,
    failures: u32,
}

impl Retry {
    /// `what` is tried again and again; the pauses double from `initial` to `max`.
    pub(crate) fn new(what: &'static str, (initial, max): (Duration, Duration)) -> Self {
        Self { what, initial, max, failures: 0 }
    }

    /// It has succeeded: the next failure is the first of a new row. The end of a row is told as loudly as the row.
    pub(crate) fn succeeded(&mut self) {
        let (what, failures) = (self.what, std::mem::take(&mut self.failures));
        if failures > 0 {
            tracing::warn!(failures, "{what} succeeds again");
        }
    }

    /// Tells of a failure: a warning each, and one error when it lasts, which is worth an alarm. Returns how long to
    /// wait.
    pub(crate) fn failed(&mut self, error: &Error) -> Duration {
        let (what, hint) = (self.what, error.hint().unwrap_or_default());
        let delay = self.delay(unit());
        self.failures = self.failures.saturating_add(1);
        let failures = self.failures;
        if failures == PERSISTENT {
            tracing::error!(%error, hint, failures, "{what} fails again and again; it goes on trying");
        } else {
            let delay = Duration::from_millis(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
            tracing::warn!(%error, hint, failures, ?delay, "{what} failed; trying again");
        }
        delay
    }

    /// The same, and waits.
    pub(crate) async fn pause(&mut self, error: &Error) {
        tokio::time::sleep(self.failed(error)).await;
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    fn delay(&self, unit: f64) -> Duration {
        let doubled = 2_u32.checked_pow(self.failures).and_then(|factor| self.initial.checked_mul(factor));
        doubled.unwrap_or(self.max).min(self.max).mul_f64(0.5 + unit)
    }
}

/// As with the feed itself.
const PERSISTENT: u32 = 5;

/// A random number in `0..1`, so that many who lost one peer do not come back in step. Each `RandomState`
/// has keys of its own.
pub(crate) fn unit() -> f64 {
    let random = RandomState::new().build_hasher().finish() >> 32;
    random as f64 / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_jitter_stays_within_half() {
        let mut retry = Retry::new("it", (Duration::from_millis(100), Duration::from_secs(5)));
        let delays = (0..8).map(|failures| {
            retry.failures = failures;
            assert!(retry.delay(0.0) * 3 <= retry.delay(1.0) + Duration::from_nanos(3));
            retry.delay(0.5).as_millis()
        });
        assert_eq!(delays.collect::<Vec<_>>(), [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert!((0..1000).all(|_| (0.0..=1.0).contains(&unit())));
    }
}
