//! A few rounds of the consistency checker. `cargo xtask proof consistency` plays them for longer.
//!
//! Seen to fail: with the Resync left out at reconnections, in the second round. And it can fail: see
//! `a_lost_wakeup_is_found`.

use pgnudge_testkit::Server;

use crate::consistency::{self, Assignment, fresh_seed};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "nothing_makes_a_copy_wrong",
    title: "the consistency checker",
    claim: "A consumer that refetches what it is told, and everything on a Resync, holds a true copy of every \
            table, whatever is done to the tables, the connection and the server.",
    falsified_by: "a copy that differs from the database once the last commit has been told",
    proves: &["R1", "R2", "R6", "R7", "R8", "R13"],
    plugins: Plugins::Each,
    needs: &[Need::OwnCluster, Need::PreparedTransactions],
    run: |context| Box::pin(nothing_makes_a_copy_wrong(context)),
};

async fn nothing_makes_a_copy_wrong(context: Context) -> Result<Evidence, Failure> {
    let installation = context.server.cluster()?.installation().clone();
    let server = Server::start_from(installation, consistency::cluster()).await?;
    let assignment = Assignment::new(fresh_seed(), context.variant.choice());
    let report = consistency::run(&server, &assignment, |report| report.rounds < ROUNDS).await?;
    let replay = format!("cargo xtask proof consistency --plugin {} --minutes 0 --seed", context.variant);
    if let Some(stale) = &report.stale {
        return Err(Failure::new(format!("{stale}; again: {replay} {}", stale.seed)));
    }
    ensure!(report.committed > 0, "nothing was committed: {report}");
    let figure = report.timeline.figure();
    let evidence = evidence!("seed {}: {report}", assignment.seed);
    evidence.map(|evidence: Evidence| evidence.drawn(figure))
}

const ROUNDS: u64 = 2;
