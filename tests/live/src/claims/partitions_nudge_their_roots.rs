//! Rows of a partitioned table are decoded under their partitions' names.
//!
//! It can fail: with `partition_root(false)` the parent is silent; with a filter that the server applies
//! (`server_filter` in the supervisor) the first half is; and with a view of the server that minds every parent
//! (`Knobs::view`) who watches none of them gets a resync.

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::evidence;
use crate::tally::Tally;
use crate::{Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "partitions_nudge_their_roots",
    title: "partitions under their roots",
    claim: "A change in a partition nudges the partition and every partitioned table above it, at every depth, \
            with counts that add up; also for partitions that are made, attached or detached later, and with a \
            filter on the parent. Who watches no parent is told by tables, whatever DDL does.",
    falsified_by: "a parent that is silent, another count, a table that lost its partition and is still told, or a \
                   resync for who watches no parent",
    proves: &["R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(partitions_nudge_their_roots(context)),
};

async fn partitions_nudge_their_roots(context: Context) -> Result<Evidence, Failure> {
    // The filter is on the server at first: there are no partitioned tables yet.
    let mut parent = connected(context.builder().tables(["public.root", "public.mark"])).await?;
    let mut all = connected(whole_transactions(context.builder())).await?;
    // DDL beside rows in one transaction is a resync.
    for statement in TREE.split_terminator(';') {
        context.sql(statement).await?;
    }
    let first = context.tally(&mut all).await?;
    first.ensure_exactly(&[
        ("public.leaf1", 1),
        ("public.leaf2", 2),
        ("public.middle", 2),
        ("public.root", 3),
        ("public.later", 1),
    ])?;

    context.sql("ALTER TABLE root ATTACH PARTITION later FOR VALUES IN (3)").await?;
    context.sql("INSERT INTO later VALUES (3, 0); UPDATE root SET v = 1 WHERE k = 3").await?;
    context.tally(&mut all).await?.ensure_exactly(&[("public.later", 3), ("public.root", 3)])?;

    context.sql("ALTER TABLE root DETACH PARTITION later").await?;
    context.sql("INSERT INTO later VALUES (3, 0)").await?;
    context.tally(&mut all).await?.ensure_exactly(&[("public.later", 1)])?;

    // There, DDL and rows in one transaction are no resync.
    let mut plain = connected(context.builder().tables(["public.plain", "public.mark"])).await?;
    context.sql("BEGIN; CREATE TABLE plain (id int); INSERT INTO plain VALUES (1); COMMIT").await?;
    context.tally(&mut plain).await?.ensure_exactly(&[("public.plain", 1)])?;

    // Who filters on the parent is told of it, or of everything: a filter on the server is made anew.
    let mut told = Tally::default();
    while told.count("public.root") < 3 && told.resyncs.is_empty() {
        told.add(&parent.next_item().await.map_err(|failure| failure.within(format!("so far {told}")))?);
    }
    let (rows, resyncs) = (told.count("public.root"), &told.resyncs);
    evidence!("{first}; attached and detached; filter on the parent: {rows} rows, resyncs {resyncs:?}")
}

const TREE: &str = "CREATE TABLE root (k int, v int) PARTITION BY LIST (k);
    CREATE TABLE leaf1 PARTITION OF root FOR VALUES IN (1);
    CREATE TABLE middle PARTITION OF root FOR VALUES IN (2) PARTITION BY RANGE (v);
    CREATE TABLE leaf2 PARTITION OF middle FOR VALUES FROM (0) TO (10);
    CREATE TABLE later (k int, v int);
    INSERT INTO later VALUES (3, 0);
    INSERT INTO root VALUES (1, 0), (2, 0), (2, 1);";
