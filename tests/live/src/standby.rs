//! A streaming standby of a claim's own cluster.

use std::sync::Arc;
use std::time::Duration;

use pgnudge::{Feed, FeedBuilder};
use pgnudge_testkit::{Cluster, ClusterBuilder};
use tokio::task::spawn_blocking;

use crate::context::connected;
use crate::{Context, Failure};

/// The standby. It has the primary's roles and databases.
pub(crate) struct Standby {
    cluster: Arc<Cluster>,
    /// The claim's.
    database: String,
}

impl Standby {
    /// Of the cluster that the claim runs on.
    pub(crate) async fn of(primary: &Context) -> Result<Self, Failure> {
        Self::with(primary, Cluster::builder()).await
    }

    /// The same, set up in a way of its own.
    pub(crate) async fn with(primary: &Context, builder: ClusterBuilder) -> Result<Self, Failure> {
        let cluster = primary.server.cluster()?;
        let (builder, installation) = (builder.standby_of(cluster), cluster.installation().clone());
        let cluster = Arc::new(spawn_blocking(move || builder.start(&installation)).await??);
        Ok(Self { cluster, database: primary.scratch.name().to_owned() })
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// Runs SQL as the superuser in the claim's database. Returns the rows.
    pub(crate) async fn sql(&self, sql: &str) -> Result<String, Failure> {
        let (cluster, database, sql) = (Arc::clone(&self.cluster), self.database.clone(), sql.to_owned());
        Ok(spawn_blocking(move || cluster.psql_in(&database, &sql)).await??)
    }
}

/// Connects to a standby. A slot there has to wait until the primary tells which transactions are
/// running, which a primary that has nothing to do tells rarely: so it is made to.
pub(crate) async fn connected_to_standby(primary: &Context, builder: FeedBuilder) -> Result<Feed, Failure> {
    let connecting = connected(builder);
    tokio::pin!(connecting);
    loop {
        tokio::select! {
            feed = &mut connecting => return feed,
            () = tokio::time::sleep(PAUSE) => primary.sql("SELECT pg_log_standby_snapshot()").await?,
        }
    }
}

/// Between two snapshots.
const PAUSE: Duration = Duration::from_millis(100);
