//! A primary and its standby: the primary is found, and found again after it has failed.
//!
//! It can fail: with `target_session_attrs` left out of `Arrival::log_in`, the feed takes the standby.

use std::time::Duration;

use pgnudge::Feed;
use pgnudge_testkit::{Cluster, StopMode, wait_until};

use crate::consumer::{Consumer, PATIENCE};
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::standby::Standby;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_failover_is_followed",
    title: "the primary, also after a failover",
    claim: "With target_session_attrs=read-write or primary a feed passes over a standby; when the primary fails and \
            the standby is promoted, the feed goes there with Resync(Reconnected) and tells what is committed.",
    falsified_by: "a feed on the standby, or one that stays away after the promotion",
    proves: &["R2", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::Standby],
    run: |context| Box::pin(a_failover_is_followed(context)),
};

async fn a_failover_is_followed(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    own.sql("CREATE TABLE t (id int)").await?;
    let standby = Standby::of(&own).await?;
    let hosts = |attributes: &str| {
        let ports = format!("{},{}", standby.port(), own.server.cluster()?.port());
        let hosts = format!("host=localhost,localhost hostaddr=127.0.0.1,127.0.0.1 port={ports}");
        own.text(&format!("{hosts} target_session_attrs={attributes}"))
    };
    drop(connected(Feed::builder(hosts("primary")?)).await?);
    let builder = Feed::builder(hosts("read-write")?).backoff(Duration::from_millis(10), SHORT);
    let mut feed = connected(builder).await?;
    // The feed before it is gone, and its server process ends a moment later.
    let alone = |senders: &Vec<_>| senders.len() == 1;
    wait_until("the primary has the feed alone", PATIENCE, async || own.scratch.walsenders().await, alone)
        .await?;
    own.tally(&mut feed).await?;

    own.server.stop(StopMode::Immediate).await?;
    standby.sql("SELECT pg_promote()").await?;
    feed.resync("reconnected").await?;
    standby.sql("INSERT INTO t VALUES (1)").await?;
    let told = feed.next_item().await?;
    let tables: Vec<_> = told.changes().iter().map(|change| change.payload.as_str()).collect();
    ensure!(tables == ["public.t"], "after the failover it told {told:?}");
    evidence!("past the standby to the primary, and to the standby once that was promoted")
}

const SHORT: Duration = Duration::from_millis(200);
