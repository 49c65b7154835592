//! A connection that is lost is made again, from a fresh slot and with a `Resync`.
//!
//! Seen to fail: with one slot name for all connections; with the Resync left out at reconnections.

use std::time::Duration;

use crate::consumer::Consumer;
use crate::context::streaming;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "fresh_slot_after_terminate",
    title: "a fresh slot after pg_terminate_backend",
    claim: "When its server process is terminated, a feed connects anew: Resync(Reconnected) comes before any \
            other item, from another temporary slot, and the old one is gone.",
    falsified_by: "an item before the Resync, the old slot used again or left over, or silence afterwards",
    proves: &["R2", "law 5"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(fresh_slot_after_terminate(context)),
};

async fn fresh_slot_after_terminate(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int PRIMARY KEY)").await?;
    let shortest = Duration::from_millis(1);
    let mut feed = context.builder().backoff(shortest, shortest).connect().await?;
    feed.resync("connected").await?;
    let mut names = vec![streaming(&feed)?.0];
    for round in 1..=ROUNDS {
        context.scratch.terminate(streaming(&feed)?.1).await?;
        // In the gap, or just after it: the Resync stands for it, or it is told behind the Resync.
        context.sql(&format!("INSERT INTO t VALUES ({round})")).await?;
        feed.resync("reconnected").await?;
        let name = streaming(&feed)?.0;
        ensure!(!names.contains(&name), "slot {name} is used again");
        let slots = context.slots(1).await?;
        ensure!(slots[0].name == name && slots[0].temporary, "{slots:?} is not the temporary {name}");
        names.push(name);
        context.sql(&format!("UPDATE t SET id = -id WHERE id = {round}")).await?;
        let tally = context.tally(&mut feed).await?;
        ensure!(tally.resyncs.is_empty(), "after the reconnection it told {tally}");
        ensure!((1..=2).contains(&tally.count("public.t")), "after the reconnection it told {tally}");
    }
    evidence!("{ROUNDS} terminations, {ROUNDS} times Resync(Reconnected), slots {}", names.join(", "))
}

const ROUNDS: usize = 3;
