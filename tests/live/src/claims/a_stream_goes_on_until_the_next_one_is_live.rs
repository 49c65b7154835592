//! A stream that has to be made again, while a long write transaction delays every new slot.
//!
//! Seen to fail: with a supervisor that drops the old stream before it makes the next one (commits behind the open
//! transaction are not told), and without the room that the old stream makes (no resync where there is one slot).

use std::time::Duration;

use pgnudge::FeedBuilder;
use pgnudge_testkit::{Cluster, Sender, Slot, wait_until};
use tokio::time::timeout;

use crate::consumer::{Consumer, PATIENCE};
use crate::context::{connected, streaming};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

use super::a_blocked_slot_is_withdrawn::blocked;

pub(super) const CLAIM: Claim = Claim {
    name: "a_stream_goes_on_until_the_next_one_is_live",
    title: "another stream is needed behind a long transaction",
    claim: "When a stream has to be made again (the first partitioned table outgrows the filter on the server; a table \
            without replica identity needs transaction markers) and an open transaction delays the new slot, commits \
            are told all the while by the old stream (by resyncs where its filter may hide rows); when the transaction \
            ends, the new one begins with a resync, and one slot and one walsender are left. Where the server has one slot only, the old stream makes room.",
    falsified_by: "a commit that is not told before the transaction ends, a restart that is counted as a failure, a \
                   missing resync, or a slot or walsender too many",
    proves: &["R2", "R8", "R9"],
    plugins: Plugins::Wal2Json,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_stream_goes_on_until_the_next_one_is_live(context)),
};

async fn a_stream_goes_on_until_the_next_one_is_live(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder()).await?;
    own.sql(TABLES).await?;
    let builder = || own.builder().tables(["public.orders", "public.keyless", "public.root", "public.mark"]);
    let outgrown = Cause { statement: PARTITIONED, hides: true, table: "public.root" };
    behind_a_transaction(&own, builder(), outgrown).await?;
    let unmarked = builder().transaction_markers(false).partition_root(false);
    let keyless = Cause { statement: "UPDATE keyless SET id = -id", hides: false, table: "public.keyless" };
    behind_a_transaction(&own, unmarked, keyless).await?;

    let single = context.on_own_cluster(Cluster::builder().line("max_replication_slots = 1")).await?;
    makes_room(&single).await?;
    evidence!(
        "twice {COMMITS} commits told behind an open transaction, then a resync; with one slot it made room"
    )
}

/// What makes a feed need another stream.
struct Cause {
    statement: &'static str,
    /// Whether the old stream may hide rows by now.
    hides: bool,
    /// The other stream tells changes of this one, too.
    table: &'static str,
}

async fn behind_a_transaction(own: &Context, builder: FeedBuilder, cause: Cause) -> Result<(), Failure> {
    let Cause { statement, hides, table } = cause;
    let mut feed = connected(builder).await?;
    let first = streaming(&feed)?;
    let etl = own.scratch.connect().await?;
    etl.batch_execute("BEGIN; INSERT INTO etl VALUES (1)").await?;
    own.sql(statement).await?;
    // What shows it comes with an item. (What the filter may have hidden by then is one of its own.)
    if hides {
        feed.resync("undecodable").await?;
    } else {
        own.tally(&mut feed).await?;
    }
    blocked(own).await?;
    for round in 1..=COMMITS {
        own.sql(&format!("INSERT INTO orders SELECT generate_series(1, {round})")).await?;
        if hides {
            feed.resync("undecodable").await?;
        } else {
            own.tally(&mut feed).await?.ensure_exactly(&[("public.orders", round)])?;
        }
    }
    ensure!(streaming(&feed)? == first, "the status is not that of the old stream");
    // The new slot still waits.
    blocked(own).await?;

    etl.batch_execute("COMMIT").await?;
    let live = async || Ok(streaming(&feed).ok());
    wait_until("the next stream is live", PATIENCE, live, |now| now.as_ref() != Some(&first)).await?;
    let first = feed.next_item().await?;
    ensure!(first.resync_reason().is_some(), "the next stream does not begin with a resync, but {first:?}");
    if hides {
        // The old stream may have hidden rows to the last, which is a resync of its own.
        while let Ok(item) = timeout(QUIET, feed.next_item()).await {
            ensure!(item?.resync_reason().is_some(), "a batch that nothing was written for");
        }
    }
    // What was made after a transaction that goes on may be of it, until a look of this stream finds it ended.
    own.tally(&mut feed).await?.ensure_exactly(&[])?;
    own.sql(&format!("INSERT INTO {table} VALUES (1)")).await?;
    own.tally(&mut feed).await?.ensure_exactly(&[(table, 1)])?;
    let look = async || Ok((own.scratch.slots().await?, own.scratch.walsenders().await?));
    let one = |(slots, senders): &(Vec<Slot>, Vec<Sender>)| slots.len() == 1 && senders.len() == 1;
    wait_until("one slot and one walsender are left", PATIENCE, look, one).await?;
    drop(feed);
    own.nothing_left().await
}

/// There is one slot: the next stream can have it only when the old one does not.
async fn makes_room(single: &Context) -> Result<(), Failure> {
    single.sql(TABLES).await?;
    let mut feed = connected(single.builder().tables(["public.root", "public.mark"])).await?;
    single.sql(PARTITIONED).await?;
    feed.resync("undecodable").await?;
    feed.resync("reconnected").await?;
    single.sql("INSERT INTO root VALUES (1)").await?;
    single.tally(&mut feed).await?.ensure_exactly(&[("public.root", 1)])
}

const TABLES: &str = "CREATE TABLE orders (id int); CREATE TABLE etl (id int);
    CREATE TABLE keyless (id int); INSERT INTO keyless VALUES (1);";
const PARTITIONED: &str = "CREATE TABLE root (id int) PARTITION BY LIST (id);
    CREATE TABLE leaf PARTITION OF root DEFAULT";
const COMMITS: u64 = 5;
/// An item that is due comes within a fraction of it.
const QUIET: Duration = Duration::from_secs(2);
