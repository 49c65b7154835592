//! The active bridge hangs, and the server takes its lock away.
//!
//! Seen to fail: with a session of the lock that may be idle for as long as it likes.

use std::time::{Duration, Instant};

use pgnudge_testkit::{Cluster, Signal, wait_until};

use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, http};

pub(super) const CLAIM: Claim = Claim {
    name: "a_hung_bridge_is_relieved",
    title: "an active bridge that hangs",
    claim: "When the active bridge is stopped (SIGSTOP), the server ends its sessions within wal_sender_timeout, the \
            next bridge is live, and the first one waits again when it goes on. A bridge that has nothing to say keeps \
            its lock.",
    falsified_by: "a lock that a stopped process keeps, or one that is lost at rest",
    proves: &["law 3", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_hung_bridge_is_relieved(context)),
};

async fn a_hung_bridge_is_relieved(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder().line("wal_sender_timeout = 4s")).await?;
    let first = own.bridge(&FLAGS).await?;
    first.ready().await?;
    let second = own.bridge(&FLAGS).await?;
    own.waiting_bridges(1).await?;
    tokio::time::sleep(2 * LIMIT).await;
    ensure!(first.word().await == "streaming\n", "the active bridge says {:?} at rest", first.word().await);

    let stopped = Instant::now();
    first.signal(Signal::Stop)?;
    second.ready().await?;
    let relieved = stopped.elapsed();
    first.signal(Signal::Cont)?;
    let look = async || Ok(first.word().await);
    wait_until("the first one waits", PATIENCE, look, |word| word == "standby\n").await?;
    ensure!(second.word().await == "streaming\n", "the second one says {:?}", second.word().await);
    let log = first.stderr();
    ensure!(log.contains("was it stopped, or short of CPU?"), "the first one does not say why: {log}");
    let metrics = http::get(first.address(), "/metrics", &[]).await?.body;
    for line in [
        "pgnudge_state{state=\"closed\"} 1",
        "pgnudge_bridge_active 0",
        "pgnudge_last_byte_timestamp_seconds NaN",
    ] {
        ensure!(
            metrics.lines().any(|found| found == line),
            "no {line} of the feed that is gone in {metrics}"
        );
    }
    ensure!(relieved < LIMIT + PATIENCE / 2, "{relieved:?}");
    evidence!(
        "wal_sender_timeout of {LIMIT:?}: the next bridge is live {relieved:.1?} after the first was stopped"
    )
}

const FLAGS: [&str; 2] = ["--ha", "--backoff=10ms..100ms"];

/// The server's `wal_sender_timeout`.
const LIMIT: Duration = Duration::from_secs(4);
