//! Too many tables in a window are one `Resync`, which absorbs what follows.
//!
//! Seen to fail: with `>=` in place of `>` in `Pending::join_tables`.

use std::time::Duration;

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "overflow_is_one_resync",
    title: "more tables than max_pending",
    claim: "A window with more tables than max_pending becomes one Resync(Overflow), which swallows what follows \
            until it is taken; one with exactly as many does not.",
    falsified_by: "a batch beside the Resync, a second Resync, or a Resync for max_pending tables",
    proves: &["R5", "R6"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(overflow_is_one_resync(context)),
};

async fn overflow_is_one_resync(context: Context) -> Result<Evidence, Failure> {
    for n in 1..=50 {
        context.sql(&format!("CREATE TABLE t{n} (id int)")).await?;
    }
    let mut feed =
        connected(whole_transactions(context.builder()).max_pending(10).status_interval(SOON)).await?;
    insert_into(&context, 10).await?;
    let exactly = feed.next_item().await?;
    ensure!(exactly.changes().len() == 10, "10 tables, max_pending 10: {exactly:?}");

    insert_into(&context, 50).await?;
    insert_into(&context, 3).await?;
    insert_into(&context, 50).await?;
    context.arrived().await?;
    feed.resync("overflow").await?;
    insert_into(&context, 1).await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.t1", 1)])?;
    evidence!("10 tables: 10 events; 50, 3 and 50 tables unread: one Resync(Overflow); then 1 table: 1 event")
}

async fn insert_into(context: &Context, tables: u32) -> Result<(), Failure> {
    let inserts: String = (1..=tables).map(|n| format!("INSERT INTO t{n} VALUES (1);")).collect();
    context.sql(&format!("BEGIN; {inserts} COMMIT")).await
}

/// So that `arrived` need not wait long.
const SOON: Duration = Duration::from_millis(100);
