//! Wakeups of a table merge, and their counts are those of the rows.
//!
//! Seen to fail: with `count += 1` in place of the sum in `Coalescer::absorb`; with windows that close
//! within transactions.

use std::time::Duration;

use pgnudge::{Feed, FeedBuilder};

use crate::consumer::Consumer;
use crate::context::{connected, with_parameter};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "counts_are_exact",
    title: "exact coalescing",
    claim: "The changes of a window are one event per table, in the order in which the tables were first seen, \
            with the exact number of rows.",
    falsified_by: "a table twice in a batch, another order, or another number than that of the rows",
    proves: &["R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(counts_are_exact(context)),
};

async fn counts_are_exact(context: Context) -> Result<Evidence, Failure> {
    for table in ["zebra", "ape", "newt"] {
        context.sql(&format!("CREATE TABLE {table} (id int PRIMARY KEY, v int)")).await?;
    }
    let mut feed = connected(whole_transactions(context.builder())).await?;
    context.sql(INTERLEAVED).await?;
    let batch = feed.next_item().await?;
    let told: Vec<_> = batch.changes().iter().map(|c| (c.payload.as_str(), c.count)).collect();
    // 10 + 4 + 1, 5 + 2, and 10 + 9 rows.
    let expected = [("public.zebra", 15), ("public.ape", 7), ("public.newt", 19)];
    ensure!(told == expected, "told {told:?}, not {expected:?}");

    // Many transactions, in windows and reads as they happen to be: without TLS, a read brings more.
    let plain = with_parameter(&context.scratch.dsn(), Some("sslmode=disable"));
    let plain = Feed::builder(plain).plugin(context.variant.choice());
    let mut feeds = [context.feed().await?, connected(plain).await?];
    for _ in 0..TRANSACTIONS {
        context
            .sql("UPDATE zebra SET v = v + 1 WHERE id <= 3; UPDATE ape SET v = v + 1 WHERE id = 1")
            .await?;
    }
    let (mut rows, mut batches) = (0, 0);
    for feed in &mut feeds {
        let tally = context.tally(feed).await?;
        tally.ensure_exactly(&[("public.zebra", 3 * TRANSACTIONS), ("public.ape", TRANSACTIONS)])?;
        rows += tally.sum();
        batches += tally.batches;
    }
    evidence!("one transaction of 41 rows: {told:?}; {rows} rows told to two feeds in {batches} batches")
}

/// Windows that close at each commit, and never within a transaction.
pub(super) fn whole_transactions(builder: FeedBuilder) -> FeedBuilder {
    builder.debounce(Duration::ZERO).max_batch_wait(Duration::from_secs(3600))
}

const INTERLEAVED: &str = "BEGIN;
    INSERT INTO zebra SELECT generate_series(1, 10), 0;
    INSERT INTO ape SELECT generate_series(1, 5), 0;
    UPDATE zebra SET v = 1 WHERE id <= 4;
    INSERT INTO newt SELECT generate_series(1, 10), 0;
    UPDATE ape SET v = 1 WHERE id > 3;
    DELETE FROM newt WHERE id > 1;
    DELETE FROM zebra WHERE id = 10;
    COMMIT";
const TRANSACTIONS: u64 = 100;
