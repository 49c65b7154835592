//! The consistency checker with a planted fault: one that cannot fail proves nothing.
//!
//! It can fail: without the leak nothing is found in hundreds of rounds.

use crate::consistency::{self, Assignment, Leak, Scenario, Topology, fresh_seed};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_lost_wakeup_is_found",
    title: "the checker can fail",
    claim: "When one wakeup in a thousand is lost on its way to the copy, the consistency checker finds a stale \
            table.",
    falsified_by: "a checker that goes on calling the copy right",
    proves: &["R7"],
    plugins: Plugins::Each,
    needs: &[Need::OwnCluster, Need::PreparedTransactions],
    run: |context| Box::pin(a_lost_wakeup_is_found(context)),
};

async fn a_lost_wakeup_is_found(context: Context) -> Result<Evidence, Failure> {
    let installation = context.server.cluster()?.installation().clone();
    let mut topology = Topology::start(installation).await?;
    let leak = Leak::one_in(1000);
    let assignment = Assignment {
        leak: leak.clone(),
        // Every Resync would heal the copy.
        calm: true,
        scenarios: vec![Scenario::Everything],
        ..Assignment::new(fresh_seed(), context.variant.choice())
    };
    let report = consistency::run(&mut topology, &assignment, |report| report.rounds < ROUNDS).await?;
    let (lost, seed) = (leak.lost(), assignment.seed);
    ensure!(
        !report.stale.is_empty(),
        "seed {seed}: {lost} wakeups were lost and nothing was found: {report}"
    );
    evidence!(
        "found after {} rounds, {lost} wakeups lost: {}",
        report.rounds,
        report.stale.first().cloned().unwrap_or_default()
    )
}

/// Far more than are needed.
const ROUNDS: u64 = 60;
