//! `synchronous_standby_names` that match a feed, which is no standby.
//!
//! Seen to fail: without the look at the setting before the slot is made (`Supervisor::uncounted`), without the one
//! at each answer (`Lookout`), with a flushed position in every status (`Confirmation::standing`), and where all that
//! has arrived is confirmed at each answer (`Confirmation::released`).

use std::time::Duration;

use pgnudge::{Feed, PluginChoice, Status};
use pgnudge_testkit::{Cluster, Sender, wait_until};
use tokio::time::{sleep, timeout};

use crate::consumer::{Consumer, PATIENCE};
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_feed_is_no_synchronous_standby",
    title: "synchronous_standby_names that match",
    claim: "Where synchronous_standby_names match the feed ('*', its name in any case, FIRST, ANY) it is refused for good \
            with the remedy, and a commit waits as without a feed; when they come to match under a living feed it \
            withdraws, and comes back with a Resync when they do not any more; no feed is ever shown as sync, potential \
            or quorum, and none confirms a commit that waits for another standby. Where the user wants it, it \
            counts.",
    falsified_by: "a commit that is acknowledged although no standby holds it, a walsender that counts, or a feed that \
                   does not come back",
    proves: &["law 3", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_feed_is_no_synchronous_standby(context)),
};

async fn a_feed_is_no_synchronous_standby(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    own.sql("CREATE TABLE t (id int); CREATE TABLE u (id int)").await?;
    for setting in ["*", "s1, PGNUDGE", "FIRST 1 (*)", "ANY 1 (s1, \"pgnudge\")"] {
        names(&own, setting).await?;
        let error = timeout(PATIENCE, own.builder().connect())
            .await
            .map_err(|_| Failure::new("it goes on trying"))?;
        let error = error.err().ok_or_else(|| Failure::new(format!("a feed with {setting:?}")))?;
        let hint = error.hint().unwrap_or_default();
        ensure!(error.is_permanent() && hint.contains("real standbys"), "{setting}: {error}: {hint}");
        hangs(&own).await.map_err(|failure| failure.within(setting))?;
    }
    names(&own, "").await?;
    let mut feed = connected(own.builder()).await?;
    withdraws(&own, &mut feed).await?;
    drop(feed);
    waits_for_others(&own).await?;
    names(&own, "*").await?;
    let wanted = Feed::builder(own.dsn()).plugin(PluginChoice::Auto).synchronous_standby(true);
    let _counted = connected(wanted).await?;
    own.sql("INSERT INTO t VALUES (1)").await?;
    names(&own, "").await?;
    evidence!(
        "refused with four settings, withdrew from a fifth and came back; a commit waited each time, also one that \
         waited for another standby when the setting came to match"
    )
}

async fn withdraws(own: &Context, feed: &mut Feed) -> Result<(), Failure> {
    names(own, "*").await?;
    // What makes the feed ask: nobody polls.
    own.sql("SET synchronous_commit = local; INSERT INTO t VALUES (1)").await?;
    let status = feed.status();
    let look = async || Ok(status.borrow().clone());
    let withdrawn =
        wait_until("the feed withdraws", PATIENCE, look, |now| matches!(now, Status::BackingOff { .. }));
    tokio::select! {
        withdrawn = withdrawn => drop(withdrawn?),
        failed = takes_items(feed) => return failed,
    }
    hangs(own).await?;
    names(own, "").await?;
    // The row that made the feed ask may be told before.
    loop {
        let item = feed.next_item().await?;
        if let Some(reason) = item.resync_reason() {
            ensure!(reason == "reconnected", "it comes back with {item:?}");
            return Ok(());
        }
    }
}

/// A commit waits for a standby that is away. The feed reads on and confirms, but not that; and when the setting comes to
/// match, as it does where a cluster manager stops all writes, the commit waits on.
async fn waits_for_others(own: &Context) -> Result<(), Failure> {
    names(own, "s1").await?;
    let mut feed = connected(own.builder().status_interval(INTERVAL)).await?;
    let (writer, before) = (own.scratch.connect().await?, own.scratch.current_wal_lsn().await?);
    let mut commit = Box::pin(writer.batch_execute("INSERT INTO t VALUES (1)"));
    let reads = async {
        for _ in 0..8 {
            own.sql("SET synchronous_commit = local; INSERT INTO u VALUES (1)").await?;
            sleep(INTERVAL / 2).await;
            uncounted(own).await?;
        }
        let confirmed = own.slots(1).await?.remove(0).confirmed_flush_lsn;
        ensure!(confirmed <= Some(before), "what waits is confirmed: {confirmed:?}, not before {before}");
        let look = async || own.scratch.walsenders().await;
        names(own, "*").await?;
        own.sql("SET synchronous_commit = local; INSERT INTO u VALUES (1)").await?;
        wait_until("the feed withdraws", PATIENCE, look, Vec::is_empty).await?;
        uncounted(own).await
    };
    tokio::select! {
        released = &mut commit => {
            let how = released.map(|()| "it returned");
            return Err(Failure::new(format!("a commit is acknowledged: {how:?}")));
        }
        looked = reads => looked?,
        failed = takes_items(&mut feed) => return failed,
    }
    names(own, "").await?;
    commit.await?;
    Ok(())
}

async fn takes_items(feed: &mut Feed) -> Result<(), Failure> {
    loop {
        feed.next_item().await?;
    }
}

/// A commit waits for a standby, and there is none.
async fn hangs(own: &Context) -> Result<(), Failure> {
    let writer = own.scratch.connect().await?;
    let commit = timeout(WHILE, writer.batch_execute("INSERT INTO t VALUES (1)")).await;
    ensure!(commit.is_err(), "a commit is acknowledged: {:?}", own.scratch.walsenders().await?);
    uncounted(own).await
}

async fn uncounted(own: &Context) -> Result<(), Failure> {
    let senders = own.scratch.walsenders().await?;
    let counted = |sender: &Sender| sender.sync_state.as_deref().is_some_and(|state| state != "async");
    ensure!(!senders.iter().any(counted), "one counts: {senders:?}");
    Ok(())
}

/// Sets them, and waits until every process goes by them.
async fn names(own: &Context, setting: &str) -> Result<(), Failure> {
    let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{setting}'");
    let admin = own.scratch.connect().await?;
    admin.batch_execute("SET synchronous_commit = local").await?;
    admin.batch_execute(&set).await?;
    admin.batch_execute("SELECT pg_reload_conf()").await?;
    let look = async || own.scratch.query_one_text("SHOW synchronous_standby_names").await;
    wait_until("the setting counts", PATIENCE, look, |now| now == setting).await?;
    Ok(())
}

/// A commit that waits for nobody takes milliseconds.
const WHILE: Duration = Duration::from_secs(2);

const INTERVAL: Duration = Duration::from_secs(1);
