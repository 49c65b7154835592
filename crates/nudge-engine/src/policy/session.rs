//! What a replication session has to be like: its settings, and the server that it is on.

use std::time::Duration;

use nudge_decode::Decoder;
use nudge_proto::{Parameters, quote_identifier, quote_literal};

use crate::policy::question::{READ_COMMITTED, SEARCH_PATH};
use crate::policy::server_view::ServerView;
use crate::{Error, ErrorKind, SessionAttributes};

/// What matters of the server for the length of one stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServerFacts {
    /// How often it has to hear from us.
    pub(crate) status_interval: Duration,
    /// What it looked like before the slot was made.
    pub(crate) before: ServerView,
}

/// Reads the answer to [`preparation`].
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    wal_sender_timeout: Option<u64>,
    before: ServerView,
}

impl Prepared {
    /// Takes a row in: two columns of settings, or those of a [`ServerView`]. `None`: it cannot be understood.
    pub(crate) fn read(&mut self, columns: &[Option<String>]) -> Option<()> {
        match columns {
            [_] => {}
            [Some(ms), _] => self.wal_sender_timeout = ms.parse().ok(),
            row => self.before.read(row)?,
        }
        Some(())
    }

    /// What came of it, if the server has said what it has to.
    pub(crate) fn finish(self, wanted: Duration) -> Option<ServerFacts> {
        let status_interval = status_interval(wanted, self.wal_sender_timeout);
        self.before.is_complete().then_some(ServerFacts { status_interval, before: self.before })
    }
}

/// The settings of a session that is to stream, as SQL, and then a look at the server (`view`). Rows have one column
/// (nothing of interest), two (the session's `wal_sender_timeout` in milliseconds), or those of
/// [`ServerView`].
///
/// - `search_path` comes first, so that nothing that follows means something else.
/// - What the decoder relies on, such as `client_min_messages`: a role may hide warnings, and
///   wal2json's are wakeups (rule R8).
/// - All timeouts are off that a role or a database may have set, those of later versions too: a
///   `transaction_timeout` would end the stream in every long transaction. Then, within our own limits:
/// - `lock_timeout`: what a slot creation waits for is a lock, and then another one; it counts for each.
/// - `client_connection_check_interval`, where the server's system has it: a walsender that waits for a lock, or decodes
///   a long transaction, does not notice otherwise that its client is gone. A command of replication does not begin
///   the checks, but those that an ordinary one has begun go on: so the last look at the server comes after it.
/// - `wal_sender_timeout`: how long a host that vanished without a word keeps its slot. It is never
///   raised.
/// - `idle_session_timeout`: the same between two commands, where `wal_sender_timeout` does not count: a
///   network that falls silent between the slot and START_REPLICATION would keep the slot for as long
///   as TCP believes in the connection, which is two hours by default. A stream is not idle.
pub(crate) fn preparation(slot_timeout: Duration, status_interval: Duration, view: &str) -> String {
    let lock_timeout = milliseconds(slot_timeout);
    let longest = milliseconds(LONGEST_SENDER_TIMEOUT.max(status_interval.saturating_mul(3)));
    let decoding: String = Decoder::SESSION
        .iter()
        .map(|(name, value)| format!("SET {} = {}; ", quote_identifier(name), quote_literal(value)))
        .collect();
    format!(
        "{READ_COMMITTED}{SEARCH_PATH}SET default_transaction_isolation = 'read committed'; \
         {decoding}{WITHOUT_TIMEOUTS}; \
         SET lock_timeout = {lock_timeout}; SET idle_session_timeout = {longest}; {WATCHED}; \
         SELECT setting, pg_catalog.set_config('wal_sender_timeout', setting, false) FROM (SELECT \
         CASE WHEN setting::pg_catalog.int8 BETWEEN 1 AND {longest} THEN setting ELSE '{longest}' END AS setting \
         FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout') s; {view}"
    )
}

/// The settings of the second session, as SQL, if it is ours alone.
///
/// - A snapshot per statement, whatever the database prefers: a `SERIALIZABLE READ ONLY DEFERRABLE` one could
///   wait for others.
/// - The server probes the connection after a minute without a word. So it notices when we are gone without a
///   sign, and nothing in between forgets the connection (clouds do so after 4 to 10 minutes).
pub(crate) fn side_preparation() -> String {
    format!(
        "{READ_COMMITTED}{SEARCH_PATH}{WITHOUT_TIMEOUTS}; SET default_transaction_isolation = 'read committed'; \
         SET default_transaction_deferrable = off; SET synchronous_commit = off; \
         SET tcp_keepalives_idle = 60; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    )
}

/// `tcp_user_timeout` is no limit for what we do, but notices that we are gone.
const WITHOUT_TIMEOUTS: &str = "SELECT pg_catalog.count(pg_catalog.set_config(name, '0', false)) \
     FROM pg_catalog.pg_settings WHERE context = 'user' AND min_val = '0' \
     AND pg_catalog.right(name, 8) = '_timeout' AND pg_catalog.strpos(name, '.') = 0 \
     AND name NOT IN ('wal_sender_timeout', 'tcp_user_timeout')";

/// Every two seconds. Windows and some Unix systems refuse it (manual, "TCP Settings").
const WATCHED: &str = "SELECT pg_catalog.count(pg_catalog.set_config(name, '2000', false)) \
     FROM pg_catalog.pg_settings WHERE name = 'client_connection_check_interval' AND context = 'user' \
     AND pg_catalog.version() ~ 'linux|darwin|freebsd'";

/// Never more than a third of the server's `wal_sender_timeout` (milliseconds; 0: none).
fn status_interval(wanted: Duration, wal_sender_timeout: Option<u64>) -> Duration {
    let third = wal_sender_timeout.filter(|&ms| ms > 0).map(|ms| Duration::from_millis(ms) / 3);
    third.map_or(wanted, |third| third.min(wanted))
}

/// Whether the server that told these parameters is of the wanted kind. Servers from PostgreSQL 14 on
/// tell; one that does not is taken for a primary that accepts writes.
pub(crate) fn check_attributes(parameters: &Parameters, wanted: SessionAttributes) -> Result<(), Error> {
    let on = |name| parameters.get(name) == Some("on");
    let standby = on("in_hot_standby");
    let read_only = standby || on("default_transaction_read_only");
    let (suits, name) = match wanted {
        SessionAttributes::Any => (true, "any"),
        SessionAttributes::ReadWrite => (!read_only, "read-write"),
        SessionAttributes::ReadOnly => (read_only, "read-only"),
        SessionAttributes::Primary => (!standby, "primary"),
        SessionAttributes::Standby | SessionAttributes::PreferStandby => (standby, "standby"),
    };
    if suits {
        return Ok(());
    }
    let kind = if standby {
        "a standby"
    } else if read_only {
        "read-only"
    } else {
        "a primary that accepts writes"
    };
    Err(Error::transient(
        ErrorKind::Unavailable,
        format!("the server is {kind}, and target_session_attrs is {name}"),
    )
    .with_hint("name all servers of the cluster as hosts, or change target_session_attrs"))
}

/// At least 1: 0 would switch a timeout off. At most what the server can hold.
fn milliseconds(duration: Duration) -> u128 {
    duration.as_millis().clamp(1, i32::MAX as u128)
}

/// A host that vanishes keeps its slot at most this long, and with it log and dead rows. Half of
/// PostgreSQL's default, and three of our default status intervals.
const LONGEST_SENDER_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_status_interval_is_at_most_a_third_of_the_servers_patience() {
        let check = |wanted, timeout, expect| assert_eq!(status_interval(wanted, timeout), expect);
        check(10 * S, Some(30_000), 10 * S);
        check(10 * S, Some(2_000), Duration::from_millis(2000) / 3);
        check(10 * S, Some(0), 10 * S);
        check(10 * S, None, 10 * S);
    }

    #[test]
    fn a_timeout_is_never_switched_off_by_rounding() {
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::MAX), i32::MAX as u128);
        assert!(preparation(S, 60 * S, "").contains("BETWEEN 1 AND 180000"));
    }

    #[test]
    fn between_two_commands_the_servers_patience_is_bounded_too() {
        assert!(preparation(S, 10 * S, "").contains("SET idle_session_timeout = 30000;"));
    }
}
