//! A slot that is still being made is withdrawn, too.
//!
//! Behind an open write transaction CREATE_REPLICATION_SLOT waits, and by itself the server process that waits
//! does not notice that its client is gone. `slot_timeout` is an hour here, and with it the
//! `lock_timeout` that would clean up in the end: it counts for each transaction in the way.
//!
//! Seen to fail: without the CancelRequest (`Cancellation::fire`); after SIGKILL without
//! `client_connection_check_interval` in the session's settings.

use std::time::{Duration, Instant};

use pgnudge_testkit::{Sender, Signal, wait_until};

use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Watch};

pub(super) const CLAIM: Claim = Claim {
    name: "a_blocked_slot_is_withdrawn",
    title: "giving up while the slot is being made",
    claim: "A feed that is dropped, or a `pgnudge watch` that is told to end or killed, while open transactions delay \
            its slot, leaves neither slot nor session, although the transactions stay open.",
    falsified_by: "a slot or a walsender that is still there while the transactions are",
    proves: &["R11", "law 3"],
    plugins: Plugins::Auto,
    needs: &[Need::Alone("it holds a transaction open")],
    run: |context| Box::pin(a_blocked_slot_is_withdrawn(context)),
};

async fn a_blocked_slot_is_withdrawn(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int)").await?;
    let writer = context.scratch.connect().await?;
    writer.batch_execute("BEGIN; INSERT INTO t VALUES (1)").await?;

    let connecting = tokio::spawn(context.builder().slot_timeout(HOUR).connect());
    blocked(&context).await?;
    let given_up = Instant::now();
    connecting.abort();
    context.nothing_left().await?;
    let dropped = given_up.elapsed();

    let arguments = context.watch_arguments(&["--slot-timeout=1h"]);
    let watch = Watch::start(arguments.iter().map(String::as_str))?;
    blocked(&context).await?;
    let asked = Instant::now();
    watch.signal(Signal::Term)?;
    let finished = watch.wait(PATIENCE).await?;
    ensure!(finished.status.success(), "SIGTERM ended it with {}: {}", finished.status, finished.stderr);
    context.nothing_left().await?;
    let ended = asked.elapsed();

    // A slot waits for one transaction after the other.
    let another = context.scratch.connect().await?;
    another.batch_execute("BEGIN; INSERT INTO t VALUES (2)").await?;
    let watch = Watch::start(arguments.iter().map(String::as_str))?;
    blocked(&context).await?;
    let killed = Instant::now();
    watch.signal(Signal::Kill)?;
    context.nothing_left().await?;
    let noticed = killed.elapsed();

    writer.batch_execute("COMMIT").await?;
    evidence!(
        "behind open transactions: gone {dropped:.0?} after the drop, {ended:.0?} after SIGTERM, {noticed:.1?} after \
         SIGKILL"
    )
}

/// Waits until the server waits for the transaction. A moment earlier it waits for its log, and there it
/// would notice by itself that its client is gone.
pub(super) async fn blocked(context: &Context) -> Result<(), Failure> {
    let lock = |sender: &Sender| sender.wait_event.as_deref() == Some("Lock:transactionid");
    let blocked = |senders: &Vec<Sender>| senders.iter().any(lock);
    let look = async || context.scratch.walsenders().await;
    wait_until("a slot waits for the transaction", PATIENCE, look, blocked).await?;
    Ok(())
}

const HOUR: Duration = Duration::from_secs(3600);
