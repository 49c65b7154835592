//! A commit that waits for a synchronous standby is decoded long before it can be seen.
//!
//! It can fail: the feed with the check switched off, in the claim itself, is told too early.

use std::time::{Duration, Instant};

use pgnudge::{Feed, Visibility};
use pgnudge_testkit::{Cluster, wait_until};
use tokio::time::timeout;

use crate::consumer::{Consumer, PATIENCE};
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_synchronous_standby_is_waited_for",
    title: "an absent synchronous standby",
    claim: "While a commit waits for a synchronous standby there is no item; once its changes can be seen \
            there is one at once. With the check switched off the item comes too early.",
    falsified_by: "an item before the commit is visible, or none afterwards",
    proves: &["R13"],
    plugins: Plugins::Each,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_synchronous_standby_is_waited_for(context)),
};

async fn a_synchronous_standby_is_waited_for(context: Context) -> Result<Evidence, Failure> {
    let cluster = Cluster::builder().line("synchronous_standby_names = ''");
    let own = context.on_own_cluster(cluster).await?;
    own.sql("CREATE TABLE seen (id int PRIMARY KEY, v int); INSERT INTO seen VALUES (1, 0)").await?;
    absent_standby(&own, true).await?;
    let mut careful = connected(own.builder()).await?;
    let mut hasty = connected(own.builder().visibility(Visibility::Off)).await?;

    let writer = own.scratch.connect().await?;
    let writing = tokio::spawn(async move { writer.execute("UPDATE seen SET v = 1", &[]).await });
    // It has been decoded: who does not look is told, and reads the old row.
    hasty.next_item().await?;
    let old = own.scratch.query_one_text("SELECT v::text FROM seen").await?;
    ensure!(old == "0", "the commit is visible already ({old}): nothing waits for a standby");
    let early = timeout(Duration::from_secs(2), Feed::next(&mut careful)).await;
    ensure!(early.is_err(), "an item before it can be seen: {early:?}");

    absent_standby(&own, false).await?;
    writing.await??;
    let visible = Instant::now();
    careful.next_item().await?;
    let waited = visible.elapsed();
    let new = own.scratch.query_one_text("SELECT v::text FROM seen").await?;
    ensure!(new == "1", "nudged, and the refetch reads {new}");
    evidence!("no item for 2 s while the commit waited; {waited:.0?} after it was visible there was one")
}

/// A standby that never comes has to confirm every commit, or no more.
async fn absent_standby(context: &Context, wanted: bool) -> Result<(), Failure> {
    let change =
        if wanted { "SET synchronous_standby_names = 'nobody'" } else { "RESET synchronous_standby_names" };
    let admin = context.scratch.connect().await?;
    admin.execute(&format!("ALTER SYSTEM {change}"), &[]).await?;
    admin.execute("SELECT pg_reload_conf()", &[]).await?;
    let expected = if wanted { "nobody" } else { "" };
    let show = async || context.scratch.query_one_text("SHOW synchronous_standby_names").await;
    let arrived = |value: &String| value == expected;
    wait_until("the server has read it", PATIENCE, show, arrived).await?;
    Ok(())
}
