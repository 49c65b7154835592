//! What an operator reads of an outage, without asking for more.
//!
//! Seen to fail: with a return that is logged as INFO.

use crate::consumer::{Consumer, PATIENCE};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "an_outage_is_two_lines",
    title: "the log of an outage",
    claim: "At the default level the log of pgnudge watch has a line for each attempt that failed, with the address, \
            the cause and the time of the next one, a line for the return, and no other.",
    falsified_by: "an outage or a return that is not logged, or a line without the address",
    proves: &["R2"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(an_outage_is_two_lines(context)),
};

async fn an_outage_is_two_lines(context: Context) -> Result<Evidence, Failure> {
    let mut watch = context.watch(&[]).await?;
    let quiet = watch.stderr();
    let pid = context.scratch.walsenders().await?[0].pid;
    context.scratch.terminate(pid).await?;
    watch.resync("reconnected").await?;
    let look = async || Ok(watch.stderr());
    let returned = |log: &String| log.contains("connected after failures");
    let log = pgnudge_testkit::wait_until("the return is logged", PATIENCE, look, returned).await?;
    let log = log.strip_prefix(&quiet).unwrap_or(&log);
    let (last, attempts) =
        log.lines().collect::<Vec<_>>().split_last().map(|(l, a)| (*l, a.to_vec())).unwrap_or_default();
    ensure!(!attempts.is_empty(), "no attempt in {log}");
    let whole = |line: &&str| {
        line.contains(" WARN ")
            && line.contains("error=")
            && line.contains("trying again")
            && line.contains("delay=")
    };
    ensure!(attempts.iter().all(whole), "{log}");
    ensure!(last.contains(" WARN ") && last.contains("route=") && last.contains("away="), "{last}");
    evidence!(
        "{} failed, then {}",
        attempts.len(),
        last.split_once("pgnudge").map_or(last, |(_, words)| words)
    )
}
