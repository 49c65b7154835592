//! The only clock of the project. It is tokio's, so that a test that pauses time pauses all of it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The time to measure by.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time to show to people.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// Microseconds since 2000-01-01 00:00 UTC, as replication messages carry the time.
pub(crate) fn replication_micros() -> i64 {
    const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;
    let unix = wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    i64::try_from(unix).unwrap_or(i64::MAX).saturating_sub(POSTGRES_EPOCH_MICROS)
}

/// Waits until `at`.
pub(crate) fn sleep_until(at: Instant) -> tokio::time::Sleep {
    tokio::time::sleep_until(at.into())
}
