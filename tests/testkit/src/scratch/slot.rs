//! What `pg_replication_slots` shows of a slot.

use tokio_postgres::Row;
use tokio_postgres::types::PgLsn;

/// A replication slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Its output plugin.
    pub plugin: String,
    /// Whether it ends with the session that made it.
    pub temporary: bool,
    /// The session that uses it. A temporary slot is used all its life.
    pub active_pid: Option<i32>,
    /// From where on the server keeps its log for it.
    pub restart_lsn: Option<PgLsn>,
    /// What the client has confirmed; `None` until the slot's start is found.
    pub confirmed_flush_lsn: Option<PgLsn>,
}

pub(super) const QUERY: &str = "SELECT slot_name::text, plugin::text, temporary, active_pid, restart_lsn,
    confirmed_flush_lsn FROM pg_replication_slots WHERE database = $1 ORDER BY slot_name";

impl Slot {
    pub(super) fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            name: row.try_get(0)?,
            plugin: row.try_get(1)?,
            temporary: row.try_get(2)?,
            active_pid: row.try_get(3)?,
            restart_lsn: row.try_get(4)?,
            confirmed_flush_lsn: row.try_get(5)?,
        })
    }
}
