//! Of several bridges one is active, and when it dies the next one is.
//!
//! Seen to fail: without the wait for the lock.

use std::time::Instant;

use pgnudge_testkit::{Signal, wait_until};

use crate::bridge::Bridge;
use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::http;
use crate::listener::Listener;
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_standby_bridge_takes_over",
    title: "several bridges, one active",
    claim: "Of two bridges one has a slot. When it is killed under load, or loses the session of its lock, the \
            other one takes over within seconds, and whoever listens ends up with what the database holds.",
    falsified_by: "two slots, a takeover that does not come, or a copy that stays stale",
    proves: &["R2", "law 3"],
    plugins: Plugins::Auto,
    needs: &[Need::ForTests("it writes all the time")],
    run: |context| Box::pin(a_standby_bridge_takes_over(context)),
};

async fn a_standby_bridge_takes_over(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (v bigint); INSERT INTO t VALUES (0)").await?;
    let first = context.bridge(&FLAGS).await?;
    first.ready().await?;
    let second = waiting(&context).await?;
    let table = ["public.t".to_owned()];
    let listener = Listener::start(&context.scratch.superuser_dsn(), "nudge", &table).await?;
    let load = Load::start(&context.scratch, "UPDATE t SET v = v + 1").await?;
    let answer = http::get(second.address(), "/readyz", &[]).await?;
    ensure!((answer.status, &*answer.body) == (503, "standby\n"), "the second bridge says {answer:?}");
    let sent = http::get(second.address(), "/events", &[]).await?;
    ensure!(sent.status == 503 && sent.body.contains("ask http://first.example:8080, or"), "{sent:?}");
    context.slots(1).await?;

    let killed = Instant::now();
    first.end(Signal::Kill).await?;
    second.ready().await?;
    let after_kill = killed.elapsed();
    let third = waiting(&context).await?;
    let lost = Instant::now();
    // Whoever holds it, the others being those that wait.
    let holder = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    context.scratch.query_one_text(holder).await?;
    third.ready().await?;
    let after_loss = lost.elapsed();
    let look = async || Ok(second.word().await);
    wait_until("the second one has stepped down", PATIENCE, look, |word| word == "standby\n").await?;
    let one = async || context.scratch.slots().await;
    wait_until("there is one slot", PATIENCE, one, |slots| slots.len() == 1).await?;

    let updates = load.stop().await?;
    let value = i64::try_from(updates).unwrap_or_default();
    let fresh = async || Ok(listener.copy().unwrap_or_default());
    let is_fresh = |copy: &crate::listener::Copy| copy.values.values().all(|&held| held == value);
    let copy = wait_until("the copy is fresh", PATIENCE, fresh, is_fresh).await?;
    ensure!(copy.resyncs >= 2, "{} resyncs for two takeovers", copy.resyncs);
    for bridge in [second, third] {
        let finished = bridge.end(Signal::Term).await?;
        ensure!(finished.status.code() == Some(0), "SIGTERM ended it with {}", finished.status);
    }
    context.nothing_left().await?;
    evidence!(
        "{updates} updates; live again {after_kill:.1?} after the active one was killed, {after_loss:.1?} after it \
         lost its lock"
    )
}

/// One more bridge, which waits for the lock.
async fn waiting(context: &Context) -> Result<Bridge, Failure> {
    let bridge = context.bridge(&FLAGS).await?;
    context.waiting_bridges(1).await?;
    Ok(bridge)
}

const FLAGS: [&str; 4] =
    ["--notify=nudge", "--ha", "--backoff=10ms..100ms", "--http-peer=http://first.example:8080"];
