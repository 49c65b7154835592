//! What a replication session has to be like: its settings, and the server that it is on.

use std::time::Duration;

use nudge_decode::Decoder;
use nudge_proto::{Parameters, quote_identifier, quote_literal};

use crate::{Error, ErrorKind, SessionAttributes};

/// What the server has told about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerFacts {
    /// How often it has to hear from us.
    pub(crate) status_interval: Duration,
    /// Whether commits wait for synchronous standbys, and so stay invisible meanwhile.
    pub(crate) synchronous: bool,
    /// Whether the database has partitioned tables.
    pub(crate) partitioned: bool,
    /// Whether it is a standby itself. It decodes what it has replayed, and that is visible.
    pub(crate) standby: bool,
}

impl ServerFacts {
    /// From the row of [`preparation`] and the parameters of the session.
    pub(crate) fn new(row: Option<Vec<Option<String>>>, parameters: &Parameters, wanted: Duration) -> Self {
        let mut columns = row.into_iter().flatten().map(Option::unwrap_or_default);
        let wal_sender_timeout = columns.next().and_then(|ms| ms.parse().ok());
        let synchronous = columns.next().is_some_and(|names| !names.is_empty());
        // A server that does not tell may have some.
        let partitioned = columns.next().is_none_or(|answer| answer != "f");
        let standby = parameters.get("in_hot_standby") == Some("on");
        let status_interval = status_interval(wanted, wal_sender_timeout);
        Self { status_interval, synchronous, partitioned, standby }
    }
}

/// The settings of a session, as SQL. Its first row has the session's `wal_sender_timeout` in
/// milliseconds, `synchronous_standby_names`, and whether there are partitioned tables.
///
/// - What the decoder relies on, such as `client_min_messages`: a role may hide warnings, and
///   wal2json's are wakeups (rule R8).
/// - `lock_timeout`: what a slot creation waits for is a lock, and a walsender that waits does not notice
///   that its client is gone.
/// - `wal_sender_timeout`: how long a host that vanished without a word keeps its slot. It is never
///   raised.
/// - `idle_session_timeout`: the same between two commands, where `wal_sender_timeout` does not count: a
///   network that falls silent between the slot and START_REPLICATION would keep the slot for as long
///   as TCP believes in the connection, which is two hours by default. A stream is not idle.
pub(crate) fn preparation(slot_timeout: Duration, status_interval: Duration) -> String {
    let lock_timeout = milliseconds(slot_timeout);
    let longest = milliseconds(LONGEST_SENDER_TIMEOUT.max(status_interval.saturating_mul(3)));
    let decoding: String = Decoder::SESSION
        .iter()
        .map(|(name, value)| format!("SET {} = {}; ", quote_identifier(name), quote_literal(value)))
        .collect();
    format!(
        "{decoding}SET lock_timeout = {lock_timeout}; SET idle_session_timeout = {longest}; \
         SELECT CASE WHEN setting::int8 BETWEEN 1 AND {longest} THEN setting ELSE '{longest}' END, \
         pg_catalog.current_setting('synchronous_standby_names'), \
         EXISTS (SELECT FROM pg_catalog.pg_partitioned_table), \
         pg_catalog.set_config(name, CASE WHEN setting::int8 BETWEEN 1 AND {longest} THEN setting \
         ELSE '{longest}' END, false) \
         FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'"
    )
}

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
        assert!(preparation(S, 60 * S).contains("BETWEEN 1 AND 180000"));
    }

    #[test]
    fn between_two_commands_the_servers_patience_is_bounded_too() {
        assert!(preparation(S, 10 * S).contains("SET idle_session_timeout = 30000;"));
    }
}
