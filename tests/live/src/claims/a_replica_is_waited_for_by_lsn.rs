//! Refetching from a replica that lags, by the recipe of docs/replicas.md.
//!
//! It can fail: without the wait for the position the replica shows the old rows, which is looked at here too.

use std::time::Duration;

use pgnudge_testkit::Cluster;
use tokio::time::sleep;

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::standby::Standby;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_replica_is_waited_for_by_lsn",
    title: "refetching from a replica",
    claim: "A consumer that waits until its replica has replayed an item's lsn, and refetches there, sees what it was \
            nudged for, however far the replica lags.",
    falsified_by: "an old row that is read once the replica has replayed the position",
    proves: &["R1", "R13"],
    plugins: Plugins::Each,
    needs: &[Need::Standby],
    run: |context| Box::pin(a_replica_is_waited_for_by_lsn(context)),
};

async fn a_replica_is_waited_for_by_lsn(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    own.sql("CREATE TABLE seen (id int PRIMARY KEY, v int); INSERT INTO seen VALUES (1, 0)").await?;
    let replica = Standby::of(&own).await?;
    replica.sql("ALTER SYSTEM SET recovery_min_apply_delay = '500ms'").await?;
    replica.sql("SELECT pg_reload_conf()").await?;
    let mut feed = connected(own.builder().debounce(Duration::ZERO)).await?;
    for round in 1..=ROUNDS {
        // However slow this machine is, the replica is behind for as long as it takes to see it.
        replica.sql("SELECT pg_wal_replay_pause()").await?;
        own.sql(&format!("UPDATE seen SET v = {round}")).await?;
        let item = feed.next_item().await?;
        let value_before = value(&replica).await?;
        ensure!(value_before < round, "the replica does not lag: that shows nothing");
        replica.sql("SELECT pg_wal_replay_resume()").await?;
        // The recipe.
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{}'", item.lsn());
        while replica.sql(&replayed).await? != "t" {
            sleep(PAUSE).await;
        }
        let value = value(&replica).await?;
        ensure!(value >= round, "the replica has replayed {}, and shows {value}, not {round}", item.lsn());
    }
    evidence!("{ROUNDS} refetches from a replica that lags, none old; without the wait all of them were")
}

async fn value(replica: &Standby) -> Result<u32, Failure> {
    Ok(replica.sql("SELECT v FROM seen").await?.trim().parse()?)
}

const ROUNDS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);
