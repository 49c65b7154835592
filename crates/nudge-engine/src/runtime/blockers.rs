//! For whom a slot creation waits.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use nudge_proto::BackendKey;

use crate::policy::diagnosis::Stage;
use crate::policy::question::{READ_COMMITTED, SEARCH_PATH_LOCAL};
use crate::runtime::login::{Login, Purpose};
use crate::runtime::{Blocker, Route};

/// Asks once, through a short second connection. It is a courtesy to operators: without an answer the
/// wait goes on just the same.
pub(crate) async fn inquire(
    login: &Login,
    route: &Arc<dyn Route>,
    waiting: &BackendKey,
    limit: Duration,
) -> Option<Blocker> {
    tokio::time::sleep(PATIENCE).await;
    let conversation = login.perform(&**route, Purpose::Question, limit).await.ok()?;
    let sql = CString::new(question(waiting.pid())).ok()?;
    let (_, answer) =
        tokio::time::timeout(limit, conversation.query(&sql, Stage::Session)).await.ok()?.ok()?;
    let mut row = answer.ok()??.into_iter();
    let mut column = || row.next().flatten();
    let pid = column()?.parse().ok()?;
    let application_name = column().unwrap_or_default();
    let age = column().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    Some(Blocker { pid, application_name, age })
}

/// The oldest of the transactions in the way. A prepared one has no process: its pid is 0. The age is
/// shown to roles that may see it (`pg_read_all_stats`).
fn question(waiting: i32) -> String {
    format!(
        "{READ_COMMITTED}{SEARCH_PATH_LOCAL}SELECT b.pid, a.application_name, \
         pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start))::pg_catalog.int8 \
         FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids({waiting})) AS b (pid) \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid ORDER BY a.xact_start LIMIT 1"
    )
}

/// Most slots are there within milliseconds, and nobody needs to know for whom they waited.
const PATIENCE: Duration = Duration::from_millis(500);
