//! Waits for a state that a test can only see by looking again.
//!
//! Only the tests poll: the product has no loop like this one.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Error;

/// Looks until what it sees is as wanted, and returns it.
/// ```no_run
/// # async fn example(scratch: &pgnudge_testkit::Scratch) -> Result<(), pgnudge_testkit::Error> {
/// use std::time::Duration;
/// use pgnudge_testkit::wait_until;
///
/// let limit = Duration::from_secs(30);
/// wait_until("no slot is left", limit, async || scratch.slots().await, |slots| slots.is_empty()).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When a look fails, or when it is not as wanted within the limit: what was seen last.
pub async fn wait_until<T: Debug>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<T, Error>,
    mut wanted: impl FnMut(&T) -> bool,
) -> Result<T, Error> {
    let end = Instant::now() + limit;
    loop {
        let seen = look().await?;
        if wanted(&seen) {
            return Ok(seen);
        }
        if Instant::now() >= end {
            return Err(Error::new(format!("not within {limit:?}: {what}; seen last: {seen:?}")));
        }
        sleep(PAUSE).await;
    }
}

/// Short against what a person notices, long against what a look at a server costs.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_returns_the_first_value_that_is_as_wanted() {
        let mut looks = 0;
        let look = async || {
            looks += 1;
            Ok(looks)
        };
        let seen = wait_until("three", Duration::from_secs(60), look, |seen| *seen == 3).await;
        assert_eq!(seen.unwrap(), 3);
    }

    #[tokio::test]
    async fn the_error_tells_what_was_seen_last() {
        let look = async || Ok("a slot");
        let error = wait_until("no slot", Duration::ZERO, look, |_| false).await.unwrap_err();
        assert_eq!(error.to_string(), "not within 0ns: no slot; seen last: \"a slot\"");
    }
}
