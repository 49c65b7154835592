//! What `pg_stat_activity` and `pg_stat_replication` show of a walsender.

use tokio_postgres::Row;
use tokio_postgres::types::PgLsn;

/// A session that speaks the replication protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Its process id.
    pub pid: i32,
    /// What its client calls itself.
    pub application_name: String,
    /// `startup`, `catchup`, `streaming`, `stopping`.
    pub state: Option<String>,
    /// What it waits for, as `type:event`.
    pub wait_event: Option<String>,
    /// How far it has sent.
    pub sent_lsn: Option<PgLsn>,
    /// How far the client says that it has received.
    pub write_lsn: Option<PgLsn>,
    /// How far the client says that it has flushed.
    pub flush_lsn: Option<PgLsn>,
    /// Whether commits wait for it: `async`, `potential`, `sync`, `quorum`.
    pub sync_state: Option<String>,
}

/// A walsender that makes a slot is not in `pg_stat_replication` everywhere.
pub(super) const QUERY: &str = "SELECT pid, a.application_name, r.state,
    a.wait_event_type || ':' || a.wait_event, r.sent_lsn, r.write_lsn, r.flush_lsn, r.sync_state
    FROM pg_stat_activity a LEFT JOIN pg_stat_replication r USING (pid)
    WHERE a.backend_type = 'walsender' AND a.datname = $1 ORDER BY pid";

impl Sender {
    pub(super) fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            pid: row.try_get(0)?,
            application_name: row.try_get(1)?,
            state: row.try_get(2)?,
            wait_event: row.try_get(3)?,
            sent_lsn: row.try_get(4)?,
            write_lsn: row.try_get(5)?,
            flush_lsn: row.try_get(6)?,
            sync_state: row.try_get(7)?,
        })
    }
}
