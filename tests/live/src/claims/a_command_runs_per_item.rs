//! `--exec`: a command per item, merged while it runs, and ended with all that it has started.
//!
//! Seen to fail: with the shell alone killed instead of its group; with an item that is dropped when its command
//! fails; without the variables.

use std::time::Duration;

use pgnudge_testkit::{Program, Signal, wait_until};

use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Item, Need, Plugins, watch};

pub(super) const CLAIM: Claim = Claim {
    name: "a_command_runs_per_item",
    title: "a command per item",
    claim: "`pgnudge watch --exec` hands each item to a command as JSON, merges what arrives while it runs into one \
            item, ends a command that exceeds --exec-timeout and one that runs at its own end, with whatever they \
            have started, and tells how the last one ended. With --exec-retry an item is kept until its command \
            succeeds. The environment names the tables.",
    falsified_by: "a wrong count, a second item for what was to be merged, an item that is lost, a process that is \
                   left, or another status",
    proves: &["R5", "R3"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_command_runs_per_item(context)),
};

async fn a_command_runs_per_item(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int PRIMARY KEY)").await?;
    let merged = merged(&context).await?;
    retried(&context).await?;
    timed_out(&context).await?;
    ended(&context).await?;
    evidence!("{merged} transactions merged into one item; nothing is left after a timeout and after SIGTERM")
}

/// The command of the first item waits for a file. Whatever is committed meanwhile is one item.
async fn merged(context: &Context) -> Result<u64, Failure> {
    let held = context.file("held", "")?;
    let script = format!("echo began; while [ -e '{}' ]; do sleep 0.05; done; cat; exit 4", held.display());
    let mut program = start(context, &["--exec", &script, "--once"])?;
    ensure!(program.next_line(PATIENCE).await? == "began", "the command says another thing");
    let transactions = 5;
    for id in 0..transactions {
        context.sql(&format!("INSERT INTO t VALUES ({id}), (-1 - {id})")).await?;
    }
    context.arrived().await?;
    std::fs::remove_file(&held)?;
    let resync = Item::from_json(&program.next_line(PATIENCE).await?)?;
    ensure!(resync.changes().is_empty(), "first comes the resync, not {resync:?}");
    ensure!(program.next_line(PATIENCE).await? == "began", "the command says another thing");
    let batch = program.next_line(PATIENCE).await?;
    ensure!(batch.contains("\"count\":10"), "all changes are one item: {batch}");
    let finished = program.wait(PATIENCE).await?;
    ensure!(finished.stdout.is_empty(), "a further item: {finished:?}");
    ensure!(finished.status.code() == Some(3), "the command's failure is not told: {finished:?}");
    ensure!(finished.stderr.contains("exit status: 4"), "nor its status: {finished:?}");
    context.nothing_left().await?;
    Ok(transactions)
}

/// The first run with the batch fails, and the next one has the same item.
async fn retried(context: &Context) -> Result<(), Failure> {
    let wanted = context.file("wanted", "")?;
    std::fs::remove_file(&wanted)?;
    let script = format!(
        "[ $PGNUDGE_ITEM = resync ] || [ -e '{}' ]; status=$?; \
         echo $PGNUDGE_ITEM $PGNUDGE_REASON $PGNUDGE_TABLES; cat; exit $status",
        wanted.display()
    );
    let mut program = start(context, &["--exec", &script, "--exec-retry", "--once"])?;
    ensure!(program.next_line(PATIENCE).await? == "resync connected", "the variables of a resync");
    program.next_line(PATIENCE).await?;
    context.sql("INSERT INTO t VALUES (100), (101)").await?;
    let mut runs = Vec::new();
    for _ in 0..2 {
        runs.push((program.next_line(PATIENCE).await?, program.next_line(PATIENCE).await?));
        std::fs::write(&wanted, "")?;
    }
    ensure!(runs[0].0 == "batch public.t", "the variables of a batch: {runs:?}");
    ensure!(runs[0].1.contains("\"count\":2") && runs[0] == runs[1], "the item is not kept: {runs:?}");
    let finished = program.wait(PATIENCE).await?;
    ensure!(finished.status.code() == Some(0) && finished.stdout.is_empty(), "{finished:?}");
    context.nothing_left().await
}

async fn timed_out(context: &Context) -> Result<(), Failure> {
    // Both ignore the first signal.
    let script = "trap '' TERM; sh -c \"trap '' TERM; echo \\$\\$; while :; do sleep 1; done\" & wait";
    let flags = ["--exec", script, "--exec-timeout=500ms", "--until-idle=1s"];
    let mut program = start(context, &flags)?;
    let below: u32 = program.next_line(PATIENCE).await?.parse()?;
    let finished = program.wait(PATIENCE).await?;
    ensure!(
        finished.status.code() == Some(3) && finished.stderr.contains("longer than 500ms"),
        "{finished:?}"
    );
    gone(below).await
}

async fn ended(context: &Context) -> Result<(), Failure> {
    let mut program = start(context, &["--exec", "sh -c 'echo $$; sleep 600; :' & wait"])?;
    let below: u32 = program.next_line(PATIENCE).await?.parse()?;
    program.signal(Signal::Term)?;
    let finished = program.wait(PATIENCE).await?;
    ensure!(finished.status.code() == Some(0) && finished.stderr.is_empty(), "{finished:?}");
    gone(below).await?;
    context.nothing_left().await
}

fn start(context: &Context, flags: &[&str]) -> Result<Program, Failure> {
    let mut command = watch::command()?;
    let plugin = format!("--plugin={}", context.variant.flag());
    command.arg("watch").arg(plugin).args(flags).arg(context.scratch.dsn());
    Ok(Program::start(&mut command)?)
}

/// A process that nobody waits for may stay as a zombie; that is none of our business.
async fn gone(pid: u32) -> Result<(), Failure> {
    let look = async || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        Ok(status.rsplit(") ").next().is_none_or(|state| state.is_empty() || state.starts_with('Z')))
    };
    wait_until("the command's own process is gone", LIMIT, look, |gone| *gone).await?;
    Ok(())
}

const LIMIT: Duration = Duration::from_secs(30);
