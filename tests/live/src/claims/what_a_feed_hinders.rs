//! What a server does not do while a feed is there, and what it does all the same.
//!
//! Seen to fail: with `VACUUM` and `DROP DATABASE` changing sides.

use pgnudge::{Feed, Status};
use pgnudge_testkit::{Cluster, wait_until};
use tokio::time::timeout;

use crate::consumer::PATIENCE;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "what_a_feed_hinders",
    title: "What a feed hinders",
    claim: "While a feed is there its database cannot be dropped (not with FORCE either), renamed, moved or copied; nothing \
            else waits for it: maintenance, DDL and roles go on. Without permission to connect, and once its walsender \
            is ended, the database can be dropped.",
    falsified_by: "a command of the list that succeeds, one that waits or fails although the list does not have it, or a \
                   remedy that does not work",
    proves: &["law 3"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(what_a_feed_hinders(context)),
};

/// What the documentation lists (docs/operations.md, "What a feed hinders"); `d` is the database.
const HINDERED: [&str; 5] = [
    "DROP DATABASE d",
    "DROP DATABASE d WITH (FORCE)",
    "ALTER DATABASE d RENAME TO another",
    "ALTER DATABASE d SET TABLESPACE elsewhere",
    "CREATE DATABASE copy TEMPLATE d",
];

/// What people run on a server that is at work, in the database of the feed.
const FREE: [&str; 13] = [
    "CREATE INDEX CONCURRENTLY i ON t (id)",
    "REINDEX TABLE CONCURRENTLY t",
    "REINDEX SYSTEM d",
    "VACUUM (FULL, ANALYZE)",
    "CLUSTER t USING i",
    "ALTER TABLE t ALTER id TYPE bigint",
    "ALTER TABLE t SET TABLESPACE elsewhere",
    "TRUNCATE t",
    "DROP TABLE t",
    "CHECKPOINT",
    "SELECT pg_switch_wal()",
    "ALTER ROLE nudger RENAME TO pusher",
    "ALTER ROLE pusher RENAME TO nudger",
];

async fn what_a_feed_hinders(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    let other = own.scratch.connect().await?;
    other.batch_execute("SET allow_in_place_tablespaces = on").await?;
    other.batch_execute("CREATE TABLESPACE elsewhere LOCATION ''").await?;
    other.batch_execute("CREATE DATABASE d").await?;
    // The only sessions there are the feed's.
    let dsn = own.scratch.dsn().replace(own.scratch.name(), "d");
    let feed = connected(Feed::builder(dsn)).await?;
    for command in HINDERED {
        let outcome = other.batch_execute(command).await;
        let code = outcome.err().and_then(|error| Some(error.code()?.code().to_owned()));
        ensure!(code.as_deref() == Some("55006"), "{command}: {code:?}");
    }
    let inside = own.scratch.connect_to("d").await?;
    inside.batch_execute("CREATE TABLE t (id int)").await?;
    for command in FREE {
        let done = timeout(PATIENCE, inside.simple_query(command)).await;
        done.map_err(|_| Failure::new(format!("it waits: {command}")))?
            .map_err(|error| Failure::new(format!("{command}: {error:?}")))?;
    }
    ensure!(matches!(&*feed.status().borrow(), Status::Streaming { .. }), "the feed goes on");

    drop(inside);
    other.batch_execute("ALTER DATABASE d ALLOW_CONNECTIONS false").await?;
    let end = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = 'd'";
    other.batch_execute(end).await?;
    let dropped = async || Ok(other.batch_execute("DROP DATABASE d WITH (FORCE)").await.is_ok());
    wait_until("the database is dropped", PATIENCE, dropped, |dropped| *dropped).await?;
    evidence!(
        "{} commands refused, {} done; the database was dropped with the remedy",
        HINDERED.len(),
        FREE.len()
    )
}
