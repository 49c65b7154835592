//! An active bridge that is still connected and says nothing any more: a network that swallows
//! everything, and a process that is stopped.
//!
//! In both cases the kernels go on acknowledging, so that TCP notices nothing: only what the bridge says
//! in the session of its lock tells that it is there. A host whose kernel is gone as well is silent in
//! the same way.
//!
//! Seen to fail: without `idle_session_timeout` on the session of the lock; with a holder that relies on
//! the lock for as long as TCP does (both were active).

use std::time::{Duration, Instant};

use pgnudge_testkit::{Signal, wait_until};

use crate::bridge::Bridge;
use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::gate::Gate;
use crate::listener::{Copy, Listener};
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_silent_bridge_is_succeeded",
    title: "an active bridge that falls silent",
    claim: "When the network of the active bridge swallows everything, or its process is stopped, the other bridge \
            takes over within seconds; the first one has stepped down by then, or does when it goes on.",
    falsified_by: "a takeover that does not come, two bridges that stay active, or a copy that stays stale",
    proves: &["R2", "law 3"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_silent_bridge_is_succeeded(context)),
};

async fn a_silent_bridge_is_succeeded(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (v bigint); INSERT INTO t VALUES (0)").await?;
    let gate = Gate::before(context.server.cluster()?.port(), u32::MAX).await?;
    let through_gate = context.text(&format!("port={} sslmode=disable", gate.port()))?;
    let first = Bridge::start(&through_gate, &FLAGS).await?;
    first.ready().await?;
    let second = context.bridge(&FLAGS).await?;
    context.waiting_bridges(1).await?;
    let table = ["public.t".to_owned()];
    let listener = Listener::start(&context.scratch.superuser_dsn(), "nudge", &table).await?;
    let load = Load::start(&context.scratch, "UPDATE t SET v = v + 1").await?;

    let silent = Instant::now();
    gate.close();
    second.ready().await?;
    let after_silence = silent.elapsed();
    let word = first.word().await;
    ensure!(word == "standby\n", "the other one is active, and the silent one says {word:?}");
    gate.open();
    context.waiting_bridges(1).await?;

    let stopped = Instant::now();
    second.signal(Signal::Stop)?;
    first.ready().await?;
    let after_stop = stopped.elapsed();
    second.signal(Signal::Cont)?;
    let look = async || Ok(second.word().await);
    wait_until("who was stopped has stepped down", PATIENCE, look, |word| word == "standby\n").await?;
    context.waiting_bridges(1).await?;
    let slots = async || context.scratch.slots().await;
    wait_until("there is one slot", PATIENCE, slots, |slots| slots.len() == 1).await?;
    ensure!(after_silence.max(after_stop) < BOUND, "it took {after_silence:.1?} and {after_stop:.1?}");

    let updates = load.stop().await?;
    let value = i64::try_from(updates).unwrap_or_default();
    let held = async || Ok(listener.copy().unwrap_or_default());
    let is_fresh = |copy: &Copy| copy.values.values().all(|&held| held == value);
    let copy = wait_until("the copy is fresh", PATIENCE, held, is_fresh).await?;
    ensure!(copy.resyncs >= 2, "{} resyncs for two takeovers", copy.resyncs);
    evidence!(
        "{updates} updates; live again {after_silence:.1?} after the network fell silent, {after_stop:.1?} after the \
         process was stopped"
    )
}

const FLAGS: [&str; 3] = ["--notify=nudge", "--ha", "--backoff=10ms..100ms"];
/// The server's patience is 10 s; the rest is for a busy machine.
const BOUND: Duration = Duration::from_secs(30);
