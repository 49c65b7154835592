//! `--once` and `--until-idle`, for scripts; and the same options from the environment and a file.
//!
//! Seen to fail: with the first resync taken for a batch; with what is pending left out of account.

use pgnudge_testkit::Program;

use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Item, Need, Plugins, watch};

pub(super) const CLAIM: Claim = Claim {
    name: "a_watch_ends_by_itself",
    title: "ends by itself",
    claim: "`pgnudge watch --once` ends with status 0 after the first item that stands for a change, and `--until-idle` \
            when nothing has come for that long and nothing is pending; `--timeout` ends it with status 4; options mean \
            the same in flags, environment and file, in this order of strength.",
    falsified_by: "another status, a batch that is missing or follows, or an option that is not heeded",
    proves: &["R1", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_watch_ends_by_itself(context)),
};

async fn a_watch_ends_by_itself(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)").await?;
    let dsn = context.scratch.dsn();
    let file = |text: &str| context.file("options.toml", &format!("dsn = \"{dsn}\"\n{text}"));
    let once = file("once = true\noutput = \"json\"\ntable = [\"public.t\", \"public.none\"]\n")?;
    let mut command = watch::command()?;
    command.arg("watch").env("PGNUDGE_CONFIG", &once).env("PGNUDGE_TABLE", "public.u,public.t");
    let mut program = Program::start(&mut command)?;
    let resync = Item::from_json(&program.next_line(PATIENCE).await?)?;
    ensure!(resync.changes().is_empty(), "first comes the resync, not {resync:?}");
    context.sql("INSERT INTO u VALUES (1)").await?;
    let batch = program.next_line(PATIENCE).await?;
    ensure!(batch.contains("\"payload\":\"public.u\""), "the environment's filter is not heeded: {batch}");
    let finished = program.wait(PATIENCE).await?;
    ensure!(finished.status.code() == Some(0) && finished.stdout.is_empty(), "{finished:?}");

    let idle = file("until-idle = \"1h\"\noutput = \"json\"\n")?.to_string_lossy().into_owned();
    let mut command = watch::command()?;
    command.args(["watch", "--config", &idle, "--until-idle=200ms"]);
    let finished = Program::start(&mut command)?.wait(PATIENCE).await?;
    ensure!(finished.status.code() == Some(0) && finished.stdout.len() == 1, "{finished:?}");

    let mut command = watch::command()?;
    command.args(["watch", "--config", &idle, "--until-idle=200ms", "--debounce=2s"]);
    let mut program = Program::start(&mut command)?;
    program.next_line(PATIENCE).await?;
    context.sql("INSERT INTO t VALUES (7)").await?;
    let finished = program.wait(PATIENCE).await?;
    let told = finished.stdout.concat();
    ensure!(
        finished.status.code() == Some(0) && told.contains("public.t"),
        "what is pending is not told: {finished:?}"
    );

    let mut command = watch::command()?;
    command.args(["watch", "--config", &idle, "--once", "--timeout=1s"]);
    let finished = Program::start(&mut command)?.wait(PATIENCE).await?;
    ensure!(finished.status.code() == Some(4) && finished.stdout.len() == 1, "{finished:?}");
    ensure!(finished.stderr.starts_with("error: --timeout of 1s ran out"), "{finished:?}");

    let wrong = file("debonce = \"1s\"\n")?;
    let mut command = watch::command()?;
    command.arg("watch").arg("--config").arg(&wrong);
    let finished = Program::start(&mut command)?.wait(PATIENCE).await?;
    let words = &finished.stderr;
    ensure!(
        finished.status.code() == Some(2) && words.contains("hint: did you mean debounce?"),
        "{finished:?}"
    );
    context.nothing_left().await?;
    evidence!(
        "status 0 after the first batch and after 200 ms of silence; a wrong name in the file: status 2"
    )
}
