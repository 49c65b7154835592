//! How long to wait before the next attempt, and when a failure has become a state.

use std::time::Duration;

/// Exponential delays with jitter: they double from `initial` to `max`, each ±50 %, so that many feeds
/// that lost one server do not come back in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay, before jitter.
    pub initial: Duration,
    /// No delay is longer, before jitter.
    pub max: Duration,
}

impl Backoff {
    /// The delay before attempt number `attempt` (0 is the first repetition). `unit` is a random
    /// number in `0..1`.
    pub fn delay(&self, attempt: u32, unit: f64) -> Duration {
        let doubled = 2_u32.checked_pow(attempt).and_then(|factor| self.initial.checked_mul(factor));
        doubled.unwrap_or(self.max).min(self.max).mul_f64(0.5 + unit.clamp(0.0, 1.0))
    }
}

/// Failures in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    failures: u32,
}

impl Retries {
    /// A connection has to stream this long before its end counts as the first failure of a new row.
    /// Otherwise a server that accepts and dies at once would be tried without pause for ever.
    pub const HEALTHY_AFTER: Duration = Duration::from_secs(5);

    /// After this many failures in a row an operator should look: some 3 s of trying with the default
    /// backoff.
    const PERSISTENT: u32 = 5;

    /// Counts a failure of a connection that had streamed for `streamed`, and returns the number of
    /// failures before it in the row: the `attempt` of [`Backoff::delay`].
    pub fn failed(&mut self, streamed: Duration) -> u32 {
        if streamed >= Self::HEALTHY_AFTER {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.failures - 1
    }

    /// Whether the failure just counted is the one to raise the alarm for: true once per row.
    pub fn became_persistent(&self) -> bool {
        self.failures == Self::PERSISTENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BACKOFF: Backoff = Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(5) };

    #[test]
    fn delays_double_up_to_the_maximum() {
        let delays: Vec<_> = (0..8).map(|n| BACKOFF.delay(n, 0.5).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    proptest! {
        #[test]
        fn jitter_stays_within_half(attempt: u32, unit in 0.0..1.0) {
            let delay = BACKOFF.delay(attempt, unit);
            prop_assert!(delay >= BACKOFF.initial / 2 && delay <= BACKOFF.max * 3 / 2);
        }
    }

    #[test]
    fn only_a_healthy_connection_resets_the_row() {
        let mut retries = Retries::default();
        let short = Duration::from_millis(10);
        assert_eq!([(); 3].map(|()| retries.failed(short)), [0, 1, 2]);
        assert_eq!(retries.failed(Retries::HEALTHY_AFTER), 0);
        assert_eq!(retries.failed(short), 1);
    }

    #[test]
    fn the_alarm_is_raised_once_per_row() {
        let mut retries = Retries::default();
        let alarms = (0..20)
            .filter(|_| {
                retries.failed(Duration::ZERO);
                retries.became_persistent()
            })
            .count();
        assert_eq!(alarms, 1);
    }
}
