//! Giving up a call of `next()` loses nothing.
//!
//! Seen to fail: with an await between the item being taken and returned.

use std::time::Duration;

use tokio::time::timeout;

use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::load::Load;
use crate::tally::Tally;
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "next_is_cancel_safe",
    title: "next() may be given up at any time",
    claim: "Calls of next() that are given up lose no change: the counts of the others add up to the rows.",
    falsified_by: "counts that do not add up",
    proves: &["R11", "R3"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(next_is_cancel_safe(context)),
};

async fn next_is_cancel_safe(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await?;
    let mut feed = connected(context.builder().debounce(Duration::from_millis(1))).await?;
    let load = Load::start(&context.scratch, "INSERT INTO t DEFAULT VALUES").await?;
    let (mut tally, mut given_up) = (Tally::default(), 0);
    for call in 0..CALLS {
        let limit = Duration::from_micros(u64::from(call % 40) * 100);
        match timeout(limit, feed.next()).await {
            Ok(item) => tally.add(&item.into()),
            Err(_) => given_up += 1,
        }
    }
    let commits = load.stop().await?;
    ensure!(given_up > 0, "no call was given up");
    context.tally_on(&mut tally, &mut feed).await?;
    tally.ensure_exactly(&[("public.t", commits)])?;
    evidence!(
        "{given_up} of {CALLS} calls given up; {commits} commits, {commits} told in {} batches",
        tally.batches
    )
}

const CALLS: u32 = 1000;
