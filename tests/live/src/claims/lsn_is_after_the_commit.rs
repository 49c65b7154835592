//! An item's position is behind the commits that it stands for: who waits for it on a replica sees them.
//!
//! Positions are compared as numbers: their text may be padded.
//!
//! Seen to fail: with a position that lags behind by an item; with windows that close within transactions.

use pgnudge_testkit::PgLsn;

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "lsn_is_after_the_commit",
    title: "the position of an item",
    claim: "An item's lsn is behind where the server's log ended just before the COMMIT, and not beyond what was \
            flushed when it arrived.",
    falsified_by: "an lsn at or before the end of the transaction's last change, or one from the future",
    proves: &["R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(lsn_is_after_the_commit(context)),
};

async fn lsn_is_after_the_commit(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await?;
    let mut feed = connected(whole_transactions(context.builder())).await?;
    let (mut nearest, mut previous) = (u64::MAX, 0);
    for round in 1..=ROUNDS {
        // Small ones and large ones; their changes are all before `before`.
        context.sql(&format!("BEGIN; INSERT INTO t SELECT FROM generate_series(1, {round})")).await?;
        let before = position(&context, "pg_current_wal_insert_lsn()").await?;
        context.sql("COMMIT").await?;
        let item = feed.next_item().await?;
        let after = position(&context, "pg_current_wal_flush_lsn()").await?;
        let lsn = item.lsn().get();
        ensure!(
            before < lsn && lsn <= after,
            "round {round}: the COMMIT began at {before}, {after} was flushed, and the item says {lsn}"
        );
        ensure!(previous < lsn, "round {round}: {lsn} is not after {previous}");
        nearest = nearest.min(lsn - before);
        previous = lsn;
    }
    evidence!(
        "{ROUNDS} commits: each item's lsn behind the COMMIT's begin by {nearest} bytes or more, all flushed"
    )
}

/// What that function of the server tells.
pub(super) async fn position(context: &Context, function: &str) -> Result<u64, Failure> {
    let text = context.scratch.query_one_text(&format!("SELECT {function}")).await?;
    let lsn: PgLsn = text.parse().map_err(|_| Failure::new(format!("{text} is no position")))?;
    Ok(lsn.into())
}

const ROUNDS: u32 = 100;
