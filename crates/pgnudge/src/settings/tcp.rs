//! How TCP notices that the other side is gone: the `keepalives…` keywords and
//! `tcp_user_timeout`. Unix-domain sockets have none of it.

use std::time::Duration;

use super::given::Given;
use super::value_error::ValueError;

/// TCP's own timers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpSettings {
    /// Keepalive probes; none if they are switched off (`keepalives=0`).
    pub keepalive: Option<Keepalive>,
    /// How long sent data may stay unacknowledged; none means as long as the
    /// system likes.
    pub user_timeout: Option<Duration>,
}

/// Keepalive probes. None means the system's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe (`keepalives_idle`, seconds).
    pub idle: Option<Duration>,
    /// Time between probes (`keepalives_interval`, seconds).
    pub interval: Option<Duration>,
    /// Unanswered probes until the connection is dead (`keepalives_count`).
    pub count: Option<u32>,
}

impl TcpSettings {
    pub(super) fn parse(given: &Given) -> Result<Self, ValueError> {
        let seconds = |number| Duration::from_secs(u64::from(number));
        let milliseconds = |number| Duration::from_millis(u64::from(number));
        let keepalive = Keepalive {
            idle: positive(given, "keepalives_idle")?.map(seconds),
            interval: positive(given, "keepalives_interval")?.map(seconds),
            count: positive(given, "keepalives_count")?,
        };
        let wanted = match given.get("keepalives") {
            Some(value) => value.integer()? != 0,
            None => true,
        };
        Ok(Self {
            keepalive: wanted.then_some(keepalive),
            user_timeout: positive(given, "tcp_user_timeout")?.map(milliseconds),
        })
    }
}

/// A number above zero; zero and less mean the system's default, as in libpq.
pub(super) fn positive(given: &Given, keyword: &str) -> Result<Option<u32>, ValueError> {
    let number = given
        .get(keyword)
        .map(|value| value.integer())
        .transpose()?;
    Ok(number
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number > 0))
}
