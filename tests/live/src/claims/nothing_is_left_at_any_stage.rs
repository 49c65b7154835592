//! Whatever ends a feed, and at whatever stage: no slot is left.
//!
//! A proxy stops the conversation after each message of the client's in turn: the startup, each answer
//! to the password exchange, the session's settings, CREATE_REPLICATION_SLOT, START_REPLICATION, the first
//! status. There it ends in six ways. A seventh stage is a CREATE_REPLICATION_SLOT that waits for somebody's
//! transaction, which stays open meanwhile.
//!
//! A network that swallows everything is the hardest: the server hears nothing at all, and its own
//! timeouts have to clean up. In one place it keeps a session for as long as TCP does: before the feed
//! could ask for anything else. That one has no slot.
//!
//! Seen to fail: without `idle_session_timeout` (a blackhole after the slot was made); with TEMPORARY left
//! out of CREATE_REPLICATION_SLOT.

use std::time::Duration;

use pgnudge::Feed;
use pgnudge_testkit::{Cluster, Sender, Signal, Slot, StopMode, wait_until};
use tokio::task::JoinHandle;

use crate::consumer::{Consumer, PATIENCE};
use crate::evidence::{ensure, evidence};
use crate::gate::Gate;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Watch};

use super::a_blocked_slot_is_withdrawn::blocked;

pub(super) const CLAIM: Claim = Claim {
    name: "nothing_is_left_at_any_stage",
    title: "nothing is left, at any stage",
    claim: "A feed that is dropped, killed, reset, cut off by a silent network, terminated, or whose server crashes, \
            after any message of the conversation and while its slot has to wait, leaves no slot.",
    falsified_by: "a slot that is still there, or a session that the server could have known to be over",
    proves: &["R11", "law 3", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(nothing_is_left_at_any_stage(context)),
};

/// What ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The feed is dropped.
    Drop,
    /// kill -9 of the program.
    Kill,
    /// RST from both sides.
    Reset,
    /// `pg_terminate_backend`; the feed comes again, and is dropped then.
    Terminate,
    /// The server crashes and recovers; the feed comes again, and is dropped then.
    Crash,
}

async fn nothing_is_left_at_any_stage(context: Context) -> Result<Evidence, Failure> {
    let cluster = Cluster::builder().line("wal_sender_timeout = 2s").line("authentication_timeout = 2s");
    let own = context.on_own_cluster(cluster).await?;
    own.sql("CREATE TABLE t (id int)").await?;
    let stages = stages(&own).await?;
    let mut ends = 0;
    for stage in 1..=stages {
        for end in [End::Drop, End::Kill, End::Reset, End::Terminate, End::Crash] {
            // A crash takes the longest; two tell: before there is a slot, and with it.
            if end == End::Crash && !own.effort.thorough && stage != 1 && stage != stages {
                continue;
            }
            let ended = end_at(&own, end, stage).await;
            ended.map_err(|failure| failure.within(format!("{end:?} after message {stage} of {stages}")))?;
            ends += 1;
        }
    }
    let silent = blackholes(&own, stages).await.map_err(|failure| failure.within("a silent network"))?;
    let waiting =
        while_it_waits(&own).await.map_err(|failure| failure.within("while the slot has to wait"))?;
    evidence!(
        "{stages} messages: {ends} ends, nothing left; silent after each: no slot after {:.0?}; \
         {waiting} ends while the slot had to wait, nothing left",
        silent,
    )
}

/// How many messages there are up to the first status.
async fn stages(own: &Context) -> Result<u32, Failure> {
    let gate = Gate::before(own.server.cluster()?.port(), u32::MAX).await?;
    let mut feed = connecting(own, &gate)?.await??;
    feed.resync("connected").await?;
    let messages = gate.passed();
    drop(feed);
    own.nothing_left().await?;
    ensure!((5..20).contains(&messages), "{messages} messages up to the stream");
    Ok(messages)
}

type Connecting = JoinHandle<Result<Feed, pgnudge::Error>>;

fn connecting(own: &Context, gate: &Gate) -> Result<Connecting, Failure> {
    let text = text(own, gate)?;
    let shortest = Duration::from_millis(10);
    Ok(tokio::spawn(Feed::builder(text).backoff(shortest, shortest).connect()))
}

fn text(own: &Context, gate: &Gate) -> Result<String, Failure> {
    own.text(&format!("port={} sslmode=disable", gate.port()))
}

async fn end_at(own: &Context, end: End, stage: u32) -> Result<(), Failure> {
    let gate = Gate::before(own.server.cluster()?.port(), stage).await?;
    if end == End::Kill {
        let text = text(own, &gate)?;
        let watch = Watch::start([text.as_str()])?;
        gate.closed().await?;
        watch.signal(Signal::Kill)?;
        gate.open();
        return own.nothing_left().await;
    }
    let connecting = connecting(own, &gate)?;
    gate.closed().await?;
    match end {
        End::Terminate => terminate(own).await?,
        End::Crash => crash(own).await?,
        End::Reset => gate.reset(),
        End::Drop | End::Kill => {}
    }
    if end == End::Drop {
        connecting.abort();
    }
    gate.open();
    match connecting.await {
        Ok(feed) => drop(feed?),
        Err(aborted) => ensure!(aborted.is_cancelled(), "{aborted}"),
    }
    own.nothing_left().await
}

/// All at once, because they take as long as the longest of the timeouts. Returns how long.
async fn blackholes(own: &Context, stages: u32) -> Result<Duration, Failure> {
    let mut gates = Vec::new();
    for stage in 1..=stages {
        let gate = Gate::before(own.server.cluster()?.port(), stage).await?;
        let connecting = connecting(own, &gate)?;
        gate.closed().await?;
        connecting.abort();
        gates.push(gate);
    }
    let silent = tokio::time::Instant::now();
    let look = async || own.scratch.slots().await;
    wait_until("no slot is left", PATIENCE, look, Vec::is_empty).await?;
    let elapsed = silent.elapsed();
    // Of one that has just lost its slot the session ends a moment later.
    let look = async || own.scratch.walsenders().await;
    let one = |sessions: &Vec<Sender>| sessions.len() <= 1;
    wait_until("at most the session that asked for nothing is left", PATIENCE, look, one).await?;
    for gate in gates {
        gate.reset();
    }
    own.nothing_left().await?;
    Ok(elapsed)
}

/// Behind an open transaction. A drop and a signal there are `a_blocked_slot_is_withdrawn`.
async fn while_it_waits(own: &Context) -> Result<u32, Failure> {
    let writer = own.scratch.connect().await?;
    writer.batch_execute("BEGIN; INSERT INTO t VALUES (1)").await?;
    for end in [End::Kill, End::Reset, End::Terminate] {
        let gate = Gate::before(own.server.cluster()?.port(), u32::MAX).await?;
        let text = text(own, &gate)?;
        let watch = Watch::start(["--slot-timeout=2s", text.as_str()])?;
        blocked(own).await?;
        match end {
            End::Terminate => terminate(own).await?,
            End::Reset => gate.reset(),
            _ => watch.signal(Signal::Kill)?,
        }
        drop(watch);
        gate.open();
        own.nothing_left().await.map_err(|failure| failure.within(format!("{end:?}")))?;
    }
    let gate = Gate::before(own.server.cluster()?.port(), u32::MAX).await?;
    let feed = tokio::spawn(Feed::builder(text(own, &gate)?).slot_timeout(Duration::from_secs(2)).connect());
    blocked(own).await?;
    gate.close();
    feed.abort();
    let look = async || own.scratch.slots().await;
    wait_until("no slot is left", PATIENCE, look, |slots: &Vec<Slot>| slots.is_empty()).await?;
    gate.reset();
    own.nothing_left().await?;
    writer.batch_execute("COMMIT").await?;
    Ok(4)
}

async fn terminate(own: &Context) -> Result<(), Failure> {
    for Sender { pid, .. } in own.scratch.walsenders().await? {
        // It may be over by itself: one that waits for a password is not shown at all.
        own.scratch.terminate(pid).await.ok();
    }
    Ok(())
}

async fn crash(own: &Context) -> Result<(), Failure> {
    own.server.stop(StopMode::Immediate).await?;
    own.server.start_again().await?;
    own.scratch.reconnect().await?;
    Ok(())
}
