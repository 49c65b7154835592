//! The second session: what the server has to be asked beside the stream.
//!
//! It is opened when an item needs an answer for the first time, and kept. It never stops the feed:
//! without an answer items wait for a bounded time and then go out.

use std::ffi::CString;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use nudge_proto::{DataRow, Lsn, quote_literal};
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::{Lineage, Snapshot};
use crate::runtime::Route;
use crate::runtime::login::{Conversation, Login, Purpose, lossy};
use crate::{Error, ErrorKind, TableName};

/// A way to ask one server.
pub(crate) struct Witness {
    login: Arc<Login>,
    route: Arc<dyn Route>,
    limit: Duration,
    /// `None` until the first question, and after a failure.
    session: Option<Conversation>,
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
    pub(crate) fn new(login: Arc<Login>, route: Arc<dyn Route>, limit: Duration) -> Self {
        Self { login, route, limit, session: None }
    }

    /// Whether it asks the server at the end of this route.
    pub(crate) fn asks(&self, route: &Arc<dyn Route>) -> bool {
        Arc::ptr_eq(&self.route, route)
    }

    /// Asks what can be seen, and what lies above `tables`. Gives itself back, for the next question.
    pub(crate) async fn ask(mut self, tables: Arc<[TableName]>) -> (Self, Result<Testimony, Error>) {
        let late = |_| Err(diagnosis::timeout(Stage::Session, "the limit of a second"));
        let answer = timeout(self.limit, self.converse(&tables)).await.unwrap_or_else(late);
        (self, answer)
    }

    /// A session that fails half way is not used again.
    async fn converse(&mut self, tables: &[TableName]) -> Result<Testimony, Error> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.login.perform(&*self.route, Purpose::Question, self.limit).await?,
        };
        // Names in a catalog have no zero byte.
        let question = CString::new(question(tables)).map_err(|_| unreadable())?;
        let (mut testimony, mut understood) = (Testimony::default(), true);
        let each = |row: DataRow<'_>| understood &= testimony.read(&row).is_some();
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

/// First what can be seen: one row per transaction in progress, and one row if there is none, so that
/// they are small however many there are. The position is read after the snapshot was taken, so it is
/// not before what that sees. Then what lies above the tables, nearest first.
fn question(tables: &[TableName]) -> String {
    let mut sql = String::from(
        "SELECT pg_catalog.pg_snapshot_xmax(s), \
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
         ELSE pg_catalog.pg_current_wal_lsn() END, \
         EXISTS (SELECT FROM pg_catalog.pg_partitioned_table), x \
         FROM pg_catalog.pg_current_snapshot() AS s LEFT JOIN LATERAL pg_catalog.pg_snapshot_xip(s) AS x ON true",
    );
    if tables.is_empty() {
        return sql;
    }
    sql.push_str(
        "; SELECT a.depth, n.nspname, c.relname, an.nspname, ac.relname FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(c.oid) WITH ORDINALITY AS a (id, depth) \
         JOIN pg_catalog.pg_class ac ON ac.oid = a.id \
         JOIN pg_catalog.pg_namespace an ON an.oid = ac.relnamespace \
         WHERE c.relispartition AND a.id <> c.oid AND (n.nspname, c.relname) IN (",
    );
    for (n, table) in tables.iter().enumerate() {
        let (comma, schema, name) =
            (if n > 0 { ", " } else { "" }, literal(table.schema()), literal(table.table()));
        // Writing to a String cannot fail.
        let _ = write!(sql, "{comma}({schema}, {name})");
    }
    sql.push_str(") ORDER BY c.oid, a.depth");
    sql
}

/// With a backslash inside, a plain literal means what `standard_conforming_strings` says; this one
/// does not.
fn literal(name: &str) -> String {
    if name.contains('\\') {
        format!("E{}", quote_literal(&name.replace('\\', "\\\\")))
    } else {
        quote_literal(name)
    }
}

fn unreadable() -> Error {
    Error::transient(ErrorKind::Protocol, "the server's answer about its state cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_they_hold() {
        let tables = [TableName::new("it's", "a\\b"), TableName::new("s", "t")];
        assert!(question(&tables).contains("IN (('it''s', E'a\\\\b'), ('s', 't'))"), "{}", question(&tables));
        assert!(!question(&[]).contains(';'));
    }
}
