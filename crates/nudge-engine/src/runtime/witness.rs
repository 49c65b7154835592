//! The second session: what can be seen on the server right now.
//!
//! It is opened when an item is in doubt for the first time, and kept. It never stops the feed: without
//! an answer items wait for a bounded time and then go out.

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use nudge_proto::{DataRow, Lsn};
use tokio::time::timeout;

use crate::policy::Snapshot;
use crate::policy::diagnosis::{self, Stage};
use crate::runtime::Route;
use crate::runtime::login::{Conversation, Login, Purpose, lossy};
use crate::{Error, ErrorKind};

/// A way to ask one server.
pub(crate) struct Witness {
    login: Arc<Login>,
    route: Arc<dyn Route>,
    limit: Duration,
    /// `None` until the first question, and after a failure.
    session: Option<Conversation>,
}

impl Witness {
    pub(crate) fn new(login: Arc<Login>, route: Arc<dyn Route>, limit: Duration) -> Self {
        Self { login, route, limit, session: None }
    }

    /// Whether it asks the server at the end of this route.
    pub(crate) fn asks(&self, route: &Arc<dyn Route>) -> bool {
        Arc::ptr_eq(&self.route, route)
    }

    /// Asks for a snapshot. Gives itself back, for the next question.
    pub(crate) async fn look(mut self) -> (Self, Result<Snapshot, Error>) {
        let late = |_| Err(diagnosis::timeout(Stage::Session, "the limit of a second"));
        let looked =
            timeout(self.limit, Self::ask(self.session.take(), &self.login, &*self.route, self.limit));
        match looked.await.unwrap_or_else(late) {
            Ok((session, snapshot)) => {
                self.session = Some(session);
                (self, Ok(snapshot))
            }
            Err(error) => (self, Err(error)),
        }
    }

    async fn ask(
        session: Option<Conversation>,
        login: &Login,
        route: &dyn Route,
        limit: Duration,
    ) -> Result<(Conversation, Snapshot), Error> {
        let session = match session {
            Some(session) => session,
            None => login.perform(route, Purpose::Question, limit).await?,
        };
        let (mut snapshot, mut understood) = (Snapshot::default(), true);
        let each = |row: DataRow<'_>| understood &= read(&row, &mut snapshot).is_some();
        let (session, outcome) = session.query_rows(QUESTION, Stage::Session, each).await?;
        outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
        if understood && snapshot.xmax > 0 {
            return Ok((session, snapshot));
        }
        Err(Error::transient(ErrorKind::Protocol, "the server's answer about its snapshot cannot be read"))
    }
}

/// One row per transaction in progress, and one row if there is none: they are small, however many
/// there are. The position is read after the snapshot was taken, so it is not before what that sees.
const QUESTION: &CStr = c"SELECT pg_catalog.pg_snapshot_xmax(s), \
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
    ELSE pg_catalog.pg_current_wal_lsn() END, x \
    FROM pg_catalog.pg_current_snapshot() AS s LEFT JOIN LATERAL pg_catalog.pg_snapshot_xip(s) AS x ON true";

fn read(row: &DataRow<'_>, snapshot: &mut Snapshot) -> Option<()> {
    let mut columns = row.columns().map(lossy);
    snapshot.xmax = columns.next()??.parse().ok()?;
    snapshot.lsn = columns.next()??.parse::<Lsn>().ok()?;
    if let Some(running) = columns.next()? {
        snapshot.running.push(running.parse().ok()?);
    }
    Some(())
}
