//! Several hosts, of which the first ones answer and cannot stream.
//!
//! Seen to fail: with a round that ends when a server has let the feed in: no connection past `wal_level = replica`,
//! and none at the switchover.

use std::time::Duration;

use pgnudge::{Feed, FeedBuilder, Status};
use pgnudge_testkit::{Cluster, StopMode};
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

use crate::consumer::{Consumer, PATIENCE};
use crate::context::{connected, refused};
use crate::evidence::{ensure, evidence};
use crate::standby::Standby;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_host_that_is_unfit_is_passed_over",
    title: "several hosts, some unfit",
    claim: "Of several hosts a feed takes the first one that streams: a server without the database, one with wal_level \
            = replica and a standby that cannot decode are passed over at the first attempt, and so is a host that \
            comes back as such a standby, by a feed that lives. With unfit hosts alone connect() fails, and names each.",
    falsified_by: "a failed attempt, a feed that does not come back, or an error that leaves a host out",
    proves: &["R2", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::Standby],
    run: |context| Box::pin(a_host_that_is_unfit_is_passed_over(context)),
};

async fn a_host_that_is_unfit_is_passed_over(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    own.sql("CREATE TABLE t (id int)").await?;
    let major = own.server.major();
    // From PostgreSQL 16 on a standby can decode, unless it has no slots.
    let without_slots = Cluster::builder().line("max_replication_slots = 0");
    let standby = if major < 16 { Cluster::builder() } else { without_slots };
    let standby = Standby::with(&own, standby).await?;
    let other = context.on_own_cluster(Cluster::builder().wal_level("replica")).await?;
    // Neither has the database.
    let unfit = [other.server.cluster()?.port(), context.server.cluster()?.port()];

    let mut passed = vec!["a missing database"];
    passes_over(&own, unfit[0]).await?;
    fails(&own, unfit, ["does not exist"; 2]).await?;
    other.sql(&format!("CREATE DATABASE {}", own.scratch.name())).await?;
    // From PostgreSQL 19 on it can decode.
    if major < 19 {
        passed.push("wal_level = replica");
        passes_over(&own, unfit[0]).await?;
        fails(&own, unfit, ["wal_level", "does not exist"]).await?;
    }
    passed.push("a standby that cannot decode");
    passes_over(&own, standby.port()).await?;
    follows_a_switchover(&own).await?;
    let passed = passed.join(", ");
    evidence!(
        "passed over at once: {passed}; a primary that came back as a standby was left for the promoted one"
    )
}

/// At the first attempt: there is none within the hour.
async fn passes_over(own: &Context, unfit: u16) -> Result<(), Failure> {
    let builder = hosts(own, &[unfit, own.server.cluster()?.port()])?.backoff(HOUR, HOUR);
    let connected = timeout(PATIENCE, connected(builder)).await;
    let mut feed = connected.map_err(|_| Failure::new(format!("no feed past port {unfit}")))??;
    own.tally(&mut feed).await?;
    Ok(())
}

/// For good, with an error that names both hosts and what each lacks.
async fn fails(own: &Context, unfit: [u16; 2], lacks: [&str; 2]) -> Result<(), Failure> {
    let words = refused(&own.text(&text(&unfit))?).await?.to_string();
    let named = |(port, lack): (u16, &str)| words.contains(&port.to_string()) && words.contains(lack);
    ensure!(unfit.into_iter().zip(lacks).all(named), "{unfit:?} lack {lacks:?}, and the error is {words:?}");
    Ok(())
}

/// A primary comes back as a standby, before its own standby is promoted.
async fn follows_a_switchover(own: &Context) -> Result<(), Failure> {
    let (standby, cluster) = (Standby::of(own).await?, own.server.cluster()?);
    let builder = hosts(own, &[cluster.port(), standby.port()])?;
    // From PostgreSQL 16 on a slot on a standby waits for a primary.
    let mut feed = connected(builder.slot_timeout(2 * S).backoff(S / 100, S)).await?;
    own.tally(&mut feed).await?;

    own.server.stop(StopMode::Fast).await?;
    std::fs::write(cluster.data_dir().join("standby.signal"), "")?;
    own.server.start_again().await?;
    // By the end of the second round from now both were seen as standbys.
    for _ in 0..2 {
        fails_again(feed.status()).await?;
    }
    standby.sql("SELECT pg_promote()").await?;
    feed.resync("reconnected").await?;
    standby.sql("INSERT INTO t VALUES (1)").await?;
    let told = feed.next_item().await?;
    let tables: Vec<_> = told.changes().iter().map(|change| change.payload.as_str()).collect();
    ensure!(tables == ["public.t"], "after the switchover it told {told:?}");
    Ok(())
}

async fn fails_again(mut status: Receiver<Status>) -> Result<(), Failure> {
    status.mark_unchanged();
    let failed = async {
        loop {
            status.changed().await?;
            if let Status::BackingOff { .. } = &*status.borrow_and_update() {
                return Ok(());
            }
        }
    };
    timeout(PATIENCE, failed).await?
}

fn hosts(own: &Context, ports: &[u16]) -> Result<FeedBuilder, Failure> {
    Ok(Feed::builder(own.text(&text(ports))?))
}

/// Those ports of this machine.
fn text(ports: &[u16]) -> String {
    let list = |item: &str| vec![item; ports.len()].join(",");
    let numbers: Vec<_> = ports.iter().map(u16::to_string).collect();
    format!("host={} hostaddr={} port={}", list("localhost"), list("127.0.0.1"), numbers.join(","))
}

const S: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
