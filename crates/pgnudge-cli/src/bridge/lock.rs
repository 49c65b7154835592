//! Which of several bridges is the active one: who holds an advisory lock (manual, "Advisory Locks").
//!
//! The lock belongs to a session, and the server lets it go with the session: whatever happens to the
//! active bridge or its host, the next one in the queue is woken by the server. A bridge that hangs has a kernel
//! that goes on acknowledging, so the server ends the session when it has been idle for too long, and the bridge
//! says something in time. Two bridges that are both active for a moment do no harm: their listeners are nudged
//! twice.

use std::time::{Duration, Instant};

use pgnudge::{Error, ErrorKind, Session, SessionKind};
use tokio::time::timeout;

use crate::arguments::Secret;
use crate::bridge::notification::literal;

/// The lock of one group of bridges.
#[derive(Debug)]
pub(crate) struct Lock {
    pub(crate) connection: Secret,
    pub(crate) name: String,
}

/// The lock, held. It is let go when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    session: Session,
    /// How often the session says something.
    heartbeat: Duration,
}

impl Lock {
    /// Waits until this bridge is the active one; `waiting` is told when it begins to.
    ///
    /// # Errors
    /// The loss of the session, or that there is none; for good, where the session is shared.
    pub(crate) async fn acquire(&self, waiting: impl FnOnce()) -> Result<Held, Error> {
        let mut session = Session::connect(self.connection.expose(), SessionKind::Primary).await?;
        if session.is_shared().await? {
            return Err(shared(&session));
        }
        let rows = session.query_catalog(SETTINGS).await?;
        let heartbeat = heartbeat(&rows)?;
        // Servers on some systems cannot do this.
        let _ = session.query("SET client_connection_check_interval = '2s'").await;
        tracing::info!(name = self.name, "waiting to become the active bridge");
        waiting();
        session.query_unlimited(&wait(&self.name)).await?;
        Ok(Held { session, heartbeat })
    }
}

impl Held {
    /// Holds the lock until it is lost, which is when its session is. The session lasts while this is polled.
    pub(crate) async fn lost(&mut self) -> Error {
        loop {
            let began = Instant::now();
            let lost = match timeout(self.heartbeat, self.session.closed()).await {
                Ok(error) => Some(error),
                Err(_) => self.session.query("SELECT").await.err(),
            };
            if let Some(error) = lost {
                return self.explained(error, began.elapsed());
            }
        }
    }

    /// What the server has said of it may be lost with the connection, and does not say whose fault it is.
    fn explained(&self, error: Error, silent: Duration) -> Error {
        if silent < 3 * self.heartbeat {
            return error;
        }
        error.with_hint(format!(
            "this process said nothing for {silent:.1?}: was it stopped, or short of CPU?"
        ))
    }
}

/// A quarter of the time after which the server ends the session, from the last row of [`SETTINGS`].
fn heartbeat(rows: &[Vec<Option<String>>]) -> Result<Duration, Error> {
    let limit = rows.last().and_then(|row| row.first()?.as_ref()?.parse().ok());
    let unreadable =
        || Error::permanent(ErrorKind::Protocol, "the server does not tell its idle_session_timeout");
    limit.map(|millis| Duration::from_millis(millis) / 4).ok_or_else(unreadable)
}

/// The lock would belong to a server process that the pooler hands to somebody else next: then two bridges are
/// active, or none.
fn shared(session: &Session) -> Error {
    let (route, pid) = (session.route(), session.backend_pid());
    let message = format!(
        "--ha needs a session of its own, and a connection pooler (PgBouncer or its like) answers at {route}: process \
         {pid} is not the server's"
    );
    Error::permanent(ErrorKind::Config, message).with_hint(
        "give the address of PostgreSQL itself; only the NOTIFY session (--notify-dsn) may be pooled",
    )
}

/// One call that returns when the lock is ours. It stands alone in its message, since it commits.
///
/// A statement has a snapshot, and one that waits for days would keep VACUUM from cleaning up and
/// CREATE INDEX CONCURRENTLY from ending; so the server starts a new transaction after every
/// `lock_timeout`, without a word to anybody. The wait itself goes on: whoever lets the lock go wakes us.
fn wait(name: &str) -> String {
    let key = format!("pg_catalog.hashtextextended({}, 0)", literal(&format!("pgnudge bridge {name}")));
    let body = format!(
        "BEGIN LOOP \
         BEGIN PERFORM pg_catalog.pg_advisory_lock({key}); RETURN; EXCEPTION WHEN lock_not_available THEN NULL; END; \
         COMMIT; END LOOP; END"
    );
    format!("DO {}", literal(&body))
}

/// No limit of time but two: on a snapshot's age, and on the silence of a bridge that hangs. That is
/// `wal_sender_timeout`, after which the server ends the feed of that bridge, too, but from 2 to 20 seconds. Keepalive
/// tells the server within some ten seconds that a host is gone without a word. A setting that the server does not
/// know is left out. The last row is the limit in milliseconds.
const SETTINGS: &str = "SELECT pg_catalog.set_config(s.name, v.value, false) FROM (VALUES \
    ('lock_timeout', '30s'), ('statement_timeout', '0'), ('transaction_timeout', '0'), \
    ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', \
    (SELECT greatest(2000, least(20000, coalesce(nullif(setting::int, 0), 20000)))::text \
    FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout')), \
    ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '3'), \
    ('application_name', 'pgnudge bridge'), ('search_path', 'pg_catalog, pg_temp') \
    ) AS v (name, value) JOIN pg_catalog.pg_settings AS s ON s.name = v.name; \
    SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'";
