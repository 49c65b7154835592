//! The standby of a round's server, while it is one and after it has taken over.

use std::sync::Arc;
use std::time::Duration;

use pgnudge_testkit::tokio_postgres::Client;
use pgnudge_testkit::{Cluster, StopMode};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::consistency::database::Database;
use crate::consistency::processes::{Frozen, WAL_RECEIVERS, pids};

/// The standby, and the round's database there.
#[derive(Clone, Debug)]
pub(crate) struct Standby {
    pub(crate) database: Database,
    uri: String,
    port: u16,
}

impl Standby {
    /// That cluster, and the database of that name.
    pub(crate) fn new(cluster: &Cluster, database: &str) -> Self {
        let uri = cluster.dsn("postgres", "postgres", database);
        Self { database: Database::at(uri.clone()), uri, port: cluster.port() }
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it has the database; from then on it applies each commit so much later.
    pub(crate) async fn prepare(&self, lag: Duration) -> Result<(), Failure> {
        let end = Instant::now() + LIMIT;
        let client = loop {
            match self.database.connect("admin").await {
                Err(_) if Instant::now() < end => sleep(PAUSE).await,
                connected => break connected?,
            }
        };
        let set = format!("ALTER SYSTEM SET recovery_min_apply_delay = '{}ms'", lag.as_millis());
        client.batch_execute(&set).await?;
        Ok(client.batch_execute("SELECT pg_reload_conf()").await?)
    }

    /// Replays nothing for a while.
    pub(crate) async fn pause(&self, duration: Duration) -> Result<(), Failure> {
        let client = self.database.connect("admin").await?;
        client.batch_execute("SELECT pg_wal_replay_pause()").await?;
        sleep(duration).await;
        Ok(client.batch_execute("SELECT pg_wal_replay_resume()").await?)
    }

    /// The primary is stopped in order, and this one takes over.
    pub(crate) async fn take_over(&self, primary: &Arc<Cluster>, database: &Database) -> Result<(), Failure> {
        stop(primary, StopMode::Fast).await?;
        self.promote(database).await
    }

    /// The primary fails, having told of positions that this one never reaches, and this one takes over.
    /// `meanwhile` is done while there is no primary.
    pub(crate) async fn fail_over(
        &self,
        primary: &Arc<Cluster>,
        database: &Database,
        meanwhile: impl FnOnce(),
    ) -> Result<(), Failure> {
        let (here, there) = (self.database.connect("admin").await?, database.connect("admin").await?);
        let end: String = there.query_one("SELECT pg_current_wal_lsn()::text", &[]).await?.try_get(0)?;
        until(&here, &format!("SELECT pg_last_wal_replay_lsn() >= '{end}'")).await?;
        let behind: Vec<_> = pids(&here, WAL_RECEIVERS).await?.into_iter().filter_map(Frozen::new).collect();
        // Farther than the other history comes in a round.
        there.batch_execute("SELECT pg_switch_wal()").await?;
        there.batch_execute("INSERT INTO probe VALUES (0)").await?;
        sleep(TOLD).await;
        stop(primary, StopMode::Immediate).await?;
        meanwhile();
        sleep(TOLD).await;
        drop(behind);
        self.promote(database).await
    }

    async fn promote(&self, database: &Database) -> Result<(), Failure> {
        let client = self.database.connect("admin").await?;
        client.batch_execute("SELECT pg_promote()").await?;
        database.moved_to(self.uri.clone());
        Ok(())
    }
}

pub(crate) async fn stop(cluster: &Arc<Cluster>, mode: StopMode) -> Result<(), Failure> {
    let cluster = Arc::clone(cluster);
    Ok(spawn_blocking(move || cluster.stop(mode)).await??)
}

/// Looks until the answer is yes.
pub(crate) async fn until(client: &Client, question: &str) -> Result<(), Failure> {
    let end = Instant::now() + LIMIT;
    while !client.query_one(question, &[]).await?.try_get::<_, bool>(0)? {
        if Instant::now() >= end {
            return Err(Failure::new(format!("not within {LIMIT:?}: {question}")));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Long enough for an item, most of the time. If it is not, the fault is another one.
const TOLD: Duration = Duration::from_millis(200);
/// For what servers and feeds do at once, most of the time.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(1);
