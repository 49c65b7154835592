//! A network that goes silent without a word, from the feed's side.
//!
//! It can fail: with `liveness_timeout(None)` the feed takes the silence for quiet, and says that it streams.

use std::time::{Duration, Instant};

use pgnudge::{Feed, Status};
use pgnudge_testkit::wait_until;

use crate::consumer::{Consumer, PATIENCE};
use crate::evidence::{ensure, evidence};
use crate::gate::Gate;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_dead_link_is_noticed",
    title: "a network that swallows everything",
    claim: "When nothing comes through any more a feed says so after liveness_timeout, tries again for as long as it \
            takes, and begins with Resync(Reconnected) when the network is back.",
    falsified_by: "a status that still says streaming, or a change during the silence that nothing stands for",
    proves: &["R2"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_dead_link_is_noticed(context)),
};

async fn a_dead_link_is_noticed(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int)").await?;
    let gate = Gate::before(context.server.cluster()?.port(), u32::MAX).await?;
    let text = context.text(&format!("port={} sslmode=disable", gate.port()))?;
    let builder = Feed::builder(text).status_interval(Duration::from_millis(500));
    let builder = builder.liveness_timeout(Some(LIVENESS)).connect_timeout(Duration::from_secs(1));
    let mut feed = builder.connect().await?;
    feed.resync("connected").await?;

    let silent = Instant::now();
    gate.close();
    let look = async || Ok(feed.status().borrow().clone());
    let away = |status: &Status| !matches!(status, Status::Streaming { .. });
    wait_until("the feed notices", PATIENCE, look, away).await?;
    let noticed = silent.elapsed();
    ensure!(noticed >= LIVENESS / 2, "it gave up after {noticed:.1?}, with {LIVENESS:?} to wait");
    context.sql("INSERT INTO t VALUES (1)").await?;
    gate.open();
    feed.resync("reconnected").await?;
    let back = silent.elapsed();
    context.sql("INSERT INTO t VALUES (2)").await?;
    // The old connection is gone by now, or is about to be: it heard nothing all the time.
    context.tally(&mut feed).await?.ensure_exactly(&[("public.t", 1)])?;
    evidence!(
        "silence noticed after {noticed:.1?}, with {LIVENESS:?} allowed; Resync(reconnected) after {back:.1?}"
    )
}

const LIVENESS: Duration = Duration::from_secs(2);
