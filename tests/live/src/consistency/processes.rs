//! Processes of a server that are stopped for a while.

use std::time::Duration;

use pgnudge_testkit::Signal;
use pgnudge_testkit::tokio_postgres::Client;
use tokio::time::sleep;

use crate::Failure;
use crate::consistency::dice::Dice;

/// A process that goes on when this is dropped, whatever happens.
pub(crate) struct Frozen(u32);

impl Frozen {
    /// Stops it. A process that is gone by then cannot be stopped, and need not go on.
    pub(crate) fn new(pid: u32) -> Option<Self> {
        Signal::Stop.send(pid).ok().map(|()| Self(pid))
    }

    /// Stops all of them for so long.
    pub(crate) async fn all(pids: impl IntoIterator<Item = u32>, duration: Duration) {
        let frozen: Vec<_> = pids.into_iter().filter_map(Self::new).collect();
        sleep(duration).await;
        drop(frozen);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        Signal::Cont.send(self.0).ok();
    }
}

/// The processes for which that condition on `pg_stat_activity` holds.
pub(crate) async fn pids(client: &Client, condition: &str) -> Result<Vec<u32>, Failure> {
    let query = format!("SELECT pid FROM pg_stat_activity WHERE {condition} ORDER BY pid");
    let rows = client.query(&query, &[]).await?;
    Ok(rows.iter().map(|row| row.get::<_, i32>(0).unsigned_abs()).collect())
}

/// Stops those again and again, for a moment each, with moments between. It ends when none of them is there any
/// more, or none is busy.
pub(crate) async fn freeze_while_active(
    client: &Client,
    condition: &str,
    dice: &mut Dice,
) -> Result<(), Failure> {
    loop {
        let busy = pids(client, condition).await?;
        if busy.is_empty() {
            return Ok(());
        }
        sleep(dice.millis(0..3)).await;
        Frozen::all(busy, dice.millis(120..300)).await;
    }
}

pub(crate) const WALSENDERS: &str = "datname = current_database() AND backend_type = 'walsender'";
/// Between connecting and its work, a session is not one of them.
pub(crate) const WRITERS: &str =
    "datname = current_database() AND application_name = 'writer' AND state = 'active' AND query LIKE 'DO%'";
pub(crate) const WAL_RECEIVERS: &str = "backend_type = 'walreceiver'";
