//! The connection of the NOTIFY session breaks while a notification is under way in it.
//!
//! A gate swallows the notification, and then the connection. When the item has come over HTTP the
//! notifier has it as well; the pause after that is there to let it speak. Were it too short, nothing
//! would be lost, and the round would prove nothing.
//!
//! Seen to fail: without the resync that follows a gap of the NOTIFY session.

use std::time::Duration;

use pgnudge_testkit::wait_until;

use crate::consumer::{Consumer, PATIENCE};
use crate::evidence::{ensure, evidence};
use crate::gate::Gate;
use crate::listener::{Copy, Listener};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_lost_notification_is_made_good",
    title: "LISTEN: a notification that is lost",
    claim: "When the NOTIFY session breaks with a notification under way, and nothing changes afterwards, whoever \
            listens is told to resync as soon as there is a session again.",
    falsified_by: "a copy that stays stale",
    proves: &["R2", "R7"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_lost_notification_is_made_good(context)),
};

async fn a_lost_notification_is_made_good(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (v bigint); INSERT INTO t VALUES (0)").await?;
    let gate = Gate::before(context.server.cluster()?.port(), u32::MAX).await?;
    let through_gate = context.text(&format!("port={} sslmode=disable", gate.port()))?;
    let notify_dsn = format!("--notify-dsn={through_gate}");
    let bridge =
        context.bridge(&["--notify=nudge", &notify_dsn, "--debounce=0", "--backoff=10ms..100ms"]).await?;
    bridge.ready().await?;
    let mut stream = bridge.events("").await?;
    stream.resync("connected").await?;
    let table = ["public.t".to_owned()];
    let listener = Listener::start(&context.scratch.superuser_dsn(), "nudge", &table).await?;
    let before = listener.copy()?.resyncs;
    for round in 1..=ROUNDS {
        gate.close();
        context.sql("UPDATE t SET v = v + 1").await?;
        stream.next_item().await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        gate.reset();
        let look = async || Ok(bridge.word().await);
        wait_until("the session is away", PATIENCE, look, |word| word == "notify session is away\n").await?;
        gate.open();
        let held = async || Ok(listener.copy().unwrap_or_default());
        let is_fresh = |copy: &Copy| copy.values.values().all(|&held| held == round);
        wait_until("the copy is fresh", PATIENCE, held, is_fresh).await?;
        bridge.ready().await?;
    }
    let copy = listener.copy()?;
    ensure!(copy.resyncs - before >= ROUNDS.unsigned_abs(), "a gap without a resync: {copy:?}");
    evidence!("{ROUNDS} notifications lost, a resync for each, and the copy was right every time")
}

const ROUNDS: i64 = 5;
