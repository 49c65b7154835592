//! A process that is killed takes its slot along.
//!
//! Seen to fail: with TEMPORARY left out of CREATE_REPLICATION_SLOT.

use std::time::{Duration, Instant};

use pgnudge_testkit::Signal;

use crate::evidence::{ensure, evidence};
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "hard_abort_leaves_no_slots",
    title: "kill -9 leaves no slot",
    claim: "One second after kill -9 of `pgnudge watch`, idle or under load, the server has neither its slot nor \
            its session.",
    falsified_by: "a slot or a walsender that is still there",
    proves: &["R11", "law 3", "law 5"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(hard_abort_leaves_no_slots(context)),
};

async fn hard_abort_leaves_no_slots(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await?;
    let idle = slowest_of_kills(&context).await?;
    let load = Load::start(&context.scratch, "INSERT INTO t DEFAULT VALUES").await?;
    let busy = slowest_of_kills(&context).await?;
    let commits = load.stop().await?;
    ensure!(commits > 0, "there was no load");
    ensure!(idle.max(busy) < LIMIT, "the slot was there for {idle:?} when idle, {busy:?} under load");
    evidence!(
        "{KILLS} kills each; all was gone after {idle:.0?} when idle, {busy:.0?} under load, at the latest"
    )
}

async fn slowest_of_kills(context: &Context) -> Result<Duration, Failure> {
    let mut slowest = Duration::ZERO;
    for _ in 0..KILLS {
        let watch = context.watch(&[]).await?;
        context.slots(1).await?;
        let killed = Instant::now();
        watch.signal(Signal::Kill)?;
        context.nothing_left().await?;
        slowest = slowest.max(killed.elapsed());
    }
    Ok(slowest)
}

const KILLS: u32 = 4;
/// The claim says a second; on a machine that does other things we do not insist on it.
const LIMIT: Duration = Duration::from_secs(10);
