//! How long to wait for one host (`connect_timeout`).

use std::time::Duration;

use super::given::Given;
use super::tcp::positive;
use super::value_error::ValueError;

/// How long to wait for one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectTimeout {
    /// As long as it takes: zero or less was given.
    Unlimited,
    /// This long; libpq counts in whole seconds.
    After(Duration),
}

impl ConnectTimeout {
    /// None if nothing was given, which for libpq means without limit.
    pub(super) fn parse(given: &Given) -> Result<Option<Self>, ValueError> {
        if given.get("connect_timeout").is_none() {
            return Ok(None);
        }
        Ok(Some(match positive(given, "connect_timeout")? {
            Some(seconds) => Self::After(Duration::from_secs(u64::from(seconds))),
            None => Self::Unlimited,
        }))
    }
}
