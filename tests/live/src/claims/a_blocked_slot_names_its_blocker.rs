//! While a slot cannot be made, the status says because of whom; and a client that dies then leaves nothing.
//!
//! It can fail: without the question to `pg_blocking_pids` there is no name, and without `lock_timeout`
//! slot and walsender of a killed client stay as long as the transaction does.

use std::time::{Duration, Instant};

use pgnudge::{Blocker, Status};
use pgnudge_testkit::Signal;
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Watch};

use super::a_blocked_slot_is_withdrawn::blocked;

pub(super) const CLAIM: Claim = Claim {
    name: "a_blocked_slot_names_its_blocker",
    title: "waiting for an open transaction",
    claim: "While an open transaction delays its slot, the status of a feed tells the transaction's process and \
            application within 2 s, and so does the error of one that gives up; a `pgnudge watch` that is killed \
            (SIGKILL) then leaves neither slot nor session once its --slot-timeout has passed.",
    falsified_by: "a wait without a name, or a slot or walsender that is still there while the transaction is",
    proves: &["law 3"],
    plugins: Plugins::Auto,
    needs: &[Need::Alone("it holds a transaction open")],
    run: |context| Box::pin(a_blocked_slot_names_its_blocker(context)),
};

async fn a_blocked_slot_names_its_blocker(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int)").await?;
    let writer = context.scratch.connect().await?;
    writer.batch_execute("SET application_name = 'monthly report'; BEGIN; INSERT INTO t VALUES (1)").await?;
    let pid: i32 = writer.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);

    let builder = context.builder();
    let (status, began) = (builder.status(), Instant::now());
    let connecting = tokio::spawn(builder.connect());
    let blocker = blocker(status).await?;
    let named = began.elapsed();
    ensure!(blocker.pid == pid, "{blocker} is named, not process {pid}");
    ensure!(blocker.application_name == "monthly report", "it is called {:?}", blocker.application_name);
    connecting.abort();
    context.nothing_left().await?;
    let given_up = context.builder().give_up_after(Duration::from_secs(3)).connect().await;
    let given_up = given_up.err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(given_up.contains("\"monthly report\""), "what is given up says {given_up:?}");
    context.nothing_left().await?;

    let arguments = context.watch_arguments(&["--slot-timeout=2s"]);
    let watch = Watch::start(arguments.iter().map(String::as_str))?;
    blocked(&context).await?;
    let killed = Instant::now();
    watch.signal(Signal::Kill)?;
    context.nothing_left().await?;
    let left = killed.elapsed();
    writer.batch_execute("ROLLBACK").await?;
    evidence!("after {named:.1?}: {blocker}; gone {left:.1?} after SIGKILL, with --slot-timeout=2s")
}

/// Whom the status names first.
async fn blocker(mut status: Receiver<Status>) -> Result<Blocker, Failure> {
    let named = |status: &Status| matches!(status, Status::WaitingForSlot { blocker: Some(_), .. });
    let named = timeout(PATIENCE, status.wait_for(named)).await;
    let named = named.map_err(|_| Failure::new(format!("nobody is named within {PATIENCE:?}")))??;
    match &*named {
        Status::WaitingForSlot { blocker: Some(blocker), .. } => Ok(blocker.clone()),
        other => Err(Failure::new(format!("not waiting but {other:?}"))),
    }
}
