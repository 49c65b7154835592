//! A stream that has to be made again, while a long write transaction delays every new slot.
//!
//! Seen to fail: with a supervisor that drops the old stream before it makes the next one (commits behind the open
//! transaction are not told), and without the room that the old stream makes (no resync where there is one slot).

use pgnudge::Builder;
use pgnudge_testkit::{Cluster, Sender, Slot, wait_until};

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
            are told all the while by the old stream; when the transaction ends, the new one begins with a resync, and \
            one slot and one walsender are left. Where the server has one slot only, the old stream makes room.",
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
    behind_a_transaction(&own, builder(), PARTITIONED, "public.root").await?;
    let unmarked = builder().transaction_markers(false).partition_root(false);
    behind_a_transaction(&own, unmarked, "UPDATE keyless SET id = -id", "public.keyless").await?;

    let single = context.on_own_cluster(Cluster::builder().line("max_replication_slots = 1")).await?;
    makes_room(&single).await?;
    evidence!(
        "twice {COMMITS} commits told behind an open transaction, then a resync; with one slot it made room"
    )
}

/// `needs_another` makes the feed need another stream, which then tells changes of `table` too.
async fn behind_a_transaction(
    own: &Context,
    builder: Builder,
    needs_another: &str,
    table: &str,
) -> Result<(), Failure> {
    let mut feed = connected(builder).await?;
    let first = streaming(&feed)?;
    let etl = own.scratch.connect().await?;
    etl.batch_execute("BEGIN; INSERT INTO etl VALUES (1)").await?;
    own.sql(needs_another).await?;
    // What shows it comes with an item.
    own.tally(&mut feed).await?;
    blocked(own).await?;
    for round in 1..=COMMITS {
        own.sql(&format!("INSERT INTO orders SELECT generate_series(1, {round})")).await?;
        own.tally(&mut feed).await?.ensure_exactly(&[("public.orders", round)])?;
    }
    ensure!(streaming(&feed)? == first, "the status is not that of the old stream");
    // The new slot still waits.
    blocked(own).await?;

    etl.batch_execute("COMMIT").await?;
    feed.resync("reconnected").await?;
    ensure!(streaming(&feed)? != first, "the status is that of the old stream");
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
    single.tally(&mut feed).await?;
    feed.resync("reconnected").await?;
    single.sql("INSERT INTO root VALUES (1)").await?;
    single.tally(&mut feed).await?.ensure_exactly(&[("public.root", 1)])
}

const TABLES: &str = "CREATE TABLE orders (id int); CREATE TABLE etl (id int);
    CREATE TABLE keyless (id int); INSERT INTO keyless VALUES (1);";
const PARTITIONED: &str = "CREATE TABLE root (id int) PARTITION BY LIST (id);
    CREATE TABLE leaf PARTITION OF root DEFAULT";
const COMMITS: u64 = 5;
