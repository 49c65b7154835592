//! SQL beside the feed, without a database driver.

use std::sync::Arc;
use std::time::Duration;

use nudge_engine::runtime::{self, TargetDialer};
use nudge_engine::{Knobs, TcpKeepalive};

use crate::connection::Connection;
use crate::{Error, Platform, SessionKind};

/// A connection for commands: for tools around a feed that have something to say to the same server, with
/// the same settings, and nothing that a driver is needed for.
///
/// ```no_run
/// # async fn run() -> Result<(), pgnudge::Error> {
/// let mut session = pgnudge::Session::connect("postgres://nudger@localhost/app", pgnudge::SessionKind::Sql).await?;
/// session.query("NOTIFY orders").await?;
/// # Ok(())
/// # }
/// ```
///
/// Dropping it closes the connection at once.
#[derive(Debug)]
pub struct Session(runtime::Session);

impl Session {
    /// Connects, once. `connection` is what a feed's is.
    ///
    /// # Errors
    /// Whatever stood in the way; [`Error::is_permanent`] tells whether trying again may help.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and I/O enabled.
    pub async fn connect(connection: &str, kind: SessionKind) -> Result<Self, Error> {
        let (mut target, limit) = Connection::new(connection).target()?;
        let limit = limit.unwrap_or(Knobs::default().connect_timeout);
        target.tcp.keepalive = target.tcp.keepalive.map(watchful);
        // Keepalive watches a connection at rest; this one that has said something.
        target.tcp.user_timeout = target.tcp.user_timeout.or(Some(SILENCE));
        let dial = Arc::new(TargetDialer::new(target.clone()));
        runtime::Session::connect(&target, dial, kind, limit).await.map(Self)
    }

    /// Runs SQL that the server answers at once, and yields the rows of all its statements as text; NULL is
    /// `None`. An answer has as long as a login (`connect_timeout` of the connection text, or 10 s), and a minute
    /// at most. A call that is dropped before it is done ends the session.
    ///
    /// # Errors
    /// The server's refusal, after which the session can be used again; the end of the connection, or an answer
    /// that does not come in time, after which it cannot. An answer beyond 16 MiB is refused.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        self.0.query(sql).await
    }

    /// The same in one transaction in which every name that is not qualified is PostgreSQL's own (`search_path` is
    /// `pg_catalog, pg_temp`): who owns the database or the role may have set a path on which functions and operators
    /// of their own come first. Nothing of it stays in the session.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn query_catalog(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        self.0.query_catalog(sql).await
    }

    /// Whether something in between may give each transaction another server process, as PgBouncer does with
    /// `pool_mode = transaction`: what is set or locked for the session is then set or locked for others. A pooler
    /// that keeps the process for the session cannot be told apart.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn is_shared(&mut self) -> Result<bool, Error> {
        self.0.is_shared().await
    }

    /// The same as [`query`](Self::query) for SQL that may take days, such as a wait for a lock. It ends with the connection, and a network
    /// that falls silent ends that within half a minute, unless the connection text says otherwise.
    ///
    /// # Errors
    /// As [`query`](Self::query), but for the time.
    pub async fn query_unlimited(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        self.0.query_unlimited(sql).await
    }

    /// Waits until the connection ends by itself, which a session at rest does not notice otherwise.
    /// Cancel-safe.
    pub async fn closed(&mut self) -> Error {
        self.0.closed().await
    }

    /// What the server told about itself at login, such as `server_version` or `in_hot_standby`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.0.parameter(name)
    }

    /// The server process, as in `pg_stat_activity`.
    pub fn backend_pid(&self) -> i32 {
        self.0.backend_pid()
    }

    /// Whether the connection is inside TLS.
    pub fn is_encrypted(&self) -> bool {
        self.0.is_encrypted()
    }

    /// Whether it is a Unix-domain socket, which leaves nobody to listen.
    pub fn is_local(&self) -> bool {
        self.0.is_local()
    }

    /// Host, address and manner of the connection, for people.
    pub fn route(&self) -> String {
        self.0.route()
    }

    /// Who runs the server, as far as its name tells.
    pub fn platform(&self) -> Platform {
        self.0.platform()
    }
}

/// A session may wait for days with nothing to say, and has no status messages as a feed has: it notices
/// within half a minute that its peer is gone, unless the connection text says otherwise.
fn watchful(TcpKeepalive { idle, interval, count }: TcpKeepalive) -> TcpKeepalive {
    TcpKeepalive {
        idle: idle.or(Some(Duration::from_secs(10))),
        interval: interval.or(Some(Duration::from_secs(5))),
        count: count.or(Some(3)),
    }
}

/// How long what was sent may stay unacknowledged. On Linux it is also when unanswered keepalive probes end a
/// connection, so it is not shorter than those take.
const SILENCE: Duration = Duration::from_secs(25);
