//! The second session: what the server has to be asked beside the stream.
//!
//! It is opened when an item needs an answer for the first time, and kept. It never stops the feed:
//! without an answer items wait for a bounded time and then go out.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use nudge_proto::{DataRow, Lsn};
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::{Lineage, Snapshot, question, visibility};
use crate::runtime::Route;
use crate::runtime::login::{Conversation, Login, Purpose, lossy};
use crate::{Error, ErrorKind, TableName};

/// A way to ask one server.
pub(crate) struct Witness {
    login: Arc<Login>,
    route: Arc<dyn Route>,
    connect_timeout: Duration,
    /// `None` until the first question, and after a failure.
    session: Option<Conversation>,
    /// A login that takes longer than an item waits: the next question goes on with it.
    login_under_way: Option<BoxFuture<'static, Result<Conversation, Error>>>,
}

/// What the server said.
#[derive(Debug, Default)]
pub(crate) struct Testimony {
    /// What can be seen.
    pub(crate) snapshot: Snapshot,
    /// Whether the database has partitioned tables.
    pub(crate) partitioned: bool,
    /// What lies above the tables that were asked about.
    pub(crate) lineage: Lineage,
}

impl Witness {
    pub(crate) fn new(login: Arc<Login>, route: Arc<dyn Route>, connect_timeout: Duration) -> Self {
        Self { login, route, connect_timeout, session: None, login_under_way: None }
    }

    /// Whether it asks the server at the end of this route.
    pub(crate) fn asks(&self, route: &Arc<dyn Route>) -> bool {
        Arc::ptr_eq(&self.route, route)
    }

    /// Asks what can be seen, and what lies above `tables`. Gives itself back, for the next question.
    pub(crate) async fn ask(mut self, tables: Arc<[TableName]>) -> (Self, Result<Testimony, Error>) {
        let late = |_| Err(diagnosis::timeout(Stage::Session, "the limit of a second"));
        let answer = timeout(visibility::BLIND, self.converse(&tables)).await.unwrap_or_else(late);
        (self, answer)
    }

    /// A session at rest may have been ended meanwhile, by the server or by something in between: then
    /// a new one is asked at once.
    async fn converse(&mut self, tables: &[TableName]) -> Result<Testimony, Error> {
        if let Some(session) = self.session.take()
            && let Ok(testimony) = self.question(session, tables, true).await
        {
            return Ok(testimony);
        }
        let resumed = self.login_under_way.is_some();
        let session = match self.log_in().await {
            Err(_) if resumed => self.log_in().await,
            outcome => outcome,
        }?;
        self.question(session, tables, false).await
    }

    /// Goes on with the login that is under way, or begins one.
    async fn log_in(&mut self) -> Result<Conversation, Error> {
        let (login, route, limit) = (&self.login, &self.route, self.connect_timeout);
        let under_way = self.login_under_way.get_or_insert_with(|| {
            let (login, route) = (Arc::clone(login), Arc::clone(route));
            Box::pin(async move { login.perform(&*route, Purpose::Question, limit).await })
        });
        let outcome = under_way.await;
        self.login_under_way = None;
        outcome
    }

    /// `prepared`: it is not the session's first. A session that fails half way is not used again.
    async fn question(
        &mut self,
        session: Conversation,
        tables: &[TableName],
        prepared: bool,
    ) -> Result<Testimony, Error> {
        // Names in a catalog have no zero byte.
        let question = CString::new(question::testimony(tables, prepared)).map_err(|_| unreadable())?;
        let (mut testimony, mut understood) = (Testimony::default(), true);
        let mut room = LONGEST_ANSWER + tables.len() * ROOM_PER_TABLE;
        let each = |row: DataRow<'_>| {
            room = room.saturating_sub(row.columns().flatten().map(<[u8]>::len).sum());
            understood &= room > 0 && testimony.read(&row).is_some();
        };
        let (session, outcome) = session.query_rows(&question, Stage::Session, each).await?;
        outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
        if !understood || testimony.snapshot.xmax == 0 {
            return Err(unreadable());
        }
        self.session = Some(session);
        Ok(testimony)
    }
}

impl Testimony {
    /// Rows of the first statement have four columns, those of the second have five.
    fn read(&mut self, row: &DataRow<'_>) -> Option<()> {
        let columns: Vec<_> = row.columns().map(lossy).collect();
        match columns.as_slice() {
            [Some(xmax), Some(lsn), Some(partitioned), running] => {
                self.snapshot.xmax = xmax.parse().ok()?;
                self.snapshot.lsn = lsn.parse::<Lsn>().ok()?;
                self.partitioned = partitioned == "t";
                if let Some(running) = running {
                    self.snapshot.running.push(running.parse().ok()?);
                }
            }
            [Some(_), Some(schema), Some(table), Some(above_schema), Some(above)] => {
                self.lineage.add(TableName::new(schema, table), TableName::new(above_schema, above));
            }
            _ => return None,
        }
        Some(())
    }
}

/// Bytes of an answer beyond which it is not believed, so that nobody fills our memory with it: twice
/// what a server with as many processes as PostgreSQL can have (2¹⁸) has to say.
const LONGEST_ANSWER: usize = 16 << 20;

/// And so many for the names of what lies above each table.
const ROOM_PER_TABLE: usize = 4096;

fn unreadable() -> Error {
    Error::transient(ErrorKind::Protocol, "the server's answer about its state cannot be read")
}
