//! An ordinary session: SQL in, rows of text out (manual, "Simple Query" in "Message Flow").
//!
//! For what a program has to say to its server beside the stream, with the same settings, TLS and
//! authentication as a feed and without a database driver. It is not for data: answers are text, whole,
//! and bounded. It is used by one caller at a time, and does not come back by itself.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use nudge_proto::{DataRow, Limits, Parameters, Security};
use tokio::time::timeout;

use crate::policy::Platform;
use crate::policy::diagnosis::{self, Stage};
use crate::policy::question::{READ_COMMITTED, SEARCH_PATH_LOCAL};
use crate::runtime::arrival::Arrival;
use crate::runtime::login::{Conversation, Login, Purpose, Row, lossy};
use crate::runtime::{Dial, Route};
use crate::{Error, ErrorKind, SessionAttributes, Target};

/// A connection for commands. Dropping it aborts it at once, as it does a feed.
pub struct Session {
    /// `None` while a command is under way, and after one that was given up or broke the connection.
    conversation: Option<Conversation>,
    /// How long an answer may take that the server owes at once.
    limit: Duration,
    route: Arc<dyn Route>,
    parameters: Parameters,
    backend_pid: i32,
    security: Security,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionKind {
    /// SQL in the database. It occupies no walsender.
    Sql,
    /// The same, of several hosts on the primary if it can be reached: for what all must find in one place. A target
    /// that says what kind of server it wants gets that.
    Primary,
    /// The commands of physical replication, such as `IDENTIFY_SYSTEM`: a walsender of no database.
    Physical,
}

impl Session {
    /// Logs in to the first of the target's servers that will do. It tries once; `connect_timeout` is
    /// for each way to a server, and for each answer of [`query`](Self::query), but those have a minute at most.
    ///
    /// # Errors
    /// Whatever stood in the way; [`Error::is_permanent`] tells whether trying again may help.
    pub async fn connect(
        target: &Target,
        dial: Arc<dyn Dial>,
        kind: SessionKind,
        connect_timeout: Duration,
    ) -> Result<Self, Error> {
        let login = Arc::new(Login::new(target, Limits::default())?);
        let purpose = match kind {
            SessionKind::Sql | SessionKind::Primary => Purpose::Question,
            SessionKind::Physical => Purpose::PhysicalReplication,
        };
        let mut arrival = Arrival { dial, login, attributes: target.attributes, connect_timeout };
        let here = |conversation, route| std::future::ready(Ok((conversation, route)));
        let found = if kind == SessionKind::Primary && target.attributes == SessionAttributes::Any {
            arrival.attributes = SessionAttributes::Primary;
            match arrival.first_fit(purpose, here).await {
                Err(error) if error.is_permanent() => return Err(error),
                found => found.ok(),
            }
        } else {
            None
        };
        arrival.attributes = target.attributes;
        let (conversation, route) = match found {
            Some(found) => found,
            None => arrival.first_fit(purpose, here).await?,
        };
        let session = &conversation.session;
        Ok(Self {
            parameters: session.parameters().clone(),
            backend_pid: session.backend_key().pid(),
            security: conversation.security.clone(),
            conversation: Some(conversation),
            limit: connect_timeout.min(LONGEST_WAIT),
            route,
        })
    }

    /// Runs SQL that the server answers at once, and yields the rows of all its statements. A future that is
    /// dropped before it is done ends the session: what the server would have answered is not known any more.
    ///
    /// # Errors
    /// The server's refusal, after which the session can be used again; the end of the connection, or an answer
    /// that does not come in time, after which it cannot.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let late = |_| Err(diagnosis::timeout(Stage::Query, "connect_timeout"));
        timeout(self.limit, self.query_unlimited(sql)).await.unwrap_or_else(late)
    }

    /// The same in one transaction in which every name that is not qualified is PostgreSQL's own, whatever
    /// `search_path` the owner of the database or of the role has set. Nothing of it stays in the session, which
    /// others may share.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn query_catalog(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        self.query(&format!("{READ_COMMITTED}{SEARCH_PATH_LOCAL}{sql}")).await
    }

    /// Whether something in between, such as PgBouncer, may give each transaction another server process. Who
    /// passes sessions on invents a process id for each, since a CancelRequest needs one that is its own.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn is_shared(&mut self) -> Result<bool, Error> {
        let rows = self.query_catalog("SELECT pg_catalog.pg_backend_pid()").await?;
        let told = rows.into_iter().flatten().flatten().next();
        Ok(told.and_then(|pid| pid.parse().ok()) != Some(self.backend_pid))
    }

    /// The same as [`query`](Self::query) for SQL that may take days, such as a wait for a lock: only the end of the connection ends it.
    ///
    /// # Errors
    /// As [`query`](Self::query), but for the time.
    pub async fn query_unlimited(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let sql = CString::new(sql)
            .map_err(|_| Error::config("the SQL contains a zero byte", "remove the zero byte"))?;
        let conversation = self.conversation.take().ok_or_else(ended)?;
        let (mut rows, mut room) = (Vec::new(), LONGEST_ANSWER);
        let keep = |row: DataRow<'_>| {
            let row: Row = row.columns().map(lossy).collect();
            room = room.saturating_sub(row.iter().map(|text| ROOM_PER_VALUE + length(text)).sum());
            if room > 0 {
                rows.push(row);
            }
        };
        let (conversation, outcome) = conversation.query_rows(&sql, Stage::Query, keep).await?;
        self.conversation = Some(conversation);
        outcome.map_err(|response| self.platform().tune(diagnosis::server(Stage::Query, &response)))?;
        if room == 0 {
            return Err(Error::permanent(ErrorKind::Protocol, "the answer is longer than 16 MiB"));
        }
        Ok(rows)
    }

    /// Waits until the connection ends by itself, which a session at rest does not notice otherwise.
    /// Cancel-safe.
    pub async fn closed(&mut self) -> Error {
        match &mut self.conversation {
            Some(conversation) => conversation.closed().await,
            None => ended(),
        }
    }

    /// What the server told about itself at login, such as `server_version` or `in_hot_standby`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)
    }

    /// The server process, as in `pg_stat_activity`.
    pub fn backend_pid(&self) -> i32 {
        self.backend_pid
    }

    /// Whether the connection is inside TLS.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.security, Security::Tls { .. })
    }

    /// Whether it is a Unix-domain socket, which leaves nobody to listen.
    pub fn is_local(&self) -> bool {
        self.security == Security::Local
    }

    /// Host, address and manner of the connection.
    pub fn route(&self) -> String {
        self.route.name()
    }

    /// Who runs the server, as far as its name tells.
    pub fn platform(&self) -> Platform {
        self.route.platform()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let alive = self.conversation.is_some();
        f.debug_struct("Session").field("route", &self.route()).field("alive", &alive).finish_non_exhaustive()
    }
}

fn ended() -> Error {
    Error::transient(ErrorKind::Network, "the session has ended, or a command on it was given up")
        .with_hint("connect again")
}

fn length(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

/// Past that an answer does not come, however long a login may take.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Bytes of one answer. Nobody fills our memory with it.
const LONGEST_ANSWER: usize = 16 << 20;
/// What a value costs beside its text.
const ROOM_PER_VALUE: usize = 24;
