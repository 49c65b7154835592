//! Liveness: a change that can be seen reaches the copy within a bound, whatever waits beside it.

use std::time::Duration;

use pgnudge_testkit::tokio_postgres::Client;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::consistency::copy::Copy;
use crate::consistency::reader::quoted;

/// A table that is decoded.
pub(crate) const VISIBLE: &str = "probe";
/// A table that is not: only a Resync brings its changes.
pub(crate) const UNLOGGED: &str = "unlogged";

/// Commits a row without waiting for a standby, and waits for it in the copy. Returns what is wrong when it is
/// late.
pub(crate) async fn probe(
    client: &Client,
    table: &str,
    copy: &watch::Receiver<Copy>,
) -> Result<Option<String>, Failure> {
    // One that shares a window with a change that waits, waits with it: the second comes later.
    let insert = format!("SET synchronous_commit = local; INSERT INTO {table} VALUES (1)");
    client.batch_execute(&insert).await?;
    sleep(APART).await;
    client.batch_execute(&insert).await?;
    let count: i64 = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.try_get(0)?;
    let (name, count) = (quoted("public", table), usize::try_from(count)?);
    let mut copy = copy.clone();
    let there = timeout(BOUND, copy.wait_for(|copy| copy.rows(&name).len() >= count)).await;
    let late = || {
        format!(
            "{name}: late: a row that can be seen is not in the copy after {BOUND:?}, beside rows that wait"
        )
    };
    Ok(there.is_err().then(late))
}

/// Longer than a window stays open.
const APART: Duration = Duration::from_millis(1500);

/// A hundred times what it takes.
const BOUND: Duration = Duration::from_secs(6);
