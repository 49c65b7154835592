//! Names with everything in them that a terminal, a log or a person could be misled by, through every outlet.
//!
//! Seen to fail: with JSON as the serializer writes it, which escapes C0 controls alone.

use pgnudge_testkit::Program;
use tokio::time::timeout;

use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::http::{self, EventStream};
use crate::{Claim, Context, Evidence, Failure, Plugins, listener, watch};

pub(super) const CLAIM: Claim = Claim {
    name: "names_steer_nothing",
    title: "names in hostile hands",
    claim: "A table whose name holds line ends, escape sequences, C1 controls, marks of direction and zero-width \
            characters is shown with them escaped: as text, as a summary, as JSON, to a command, as an event over \
            HTTP, in the status, in the log, and by the doctor; a notification has the name itself.",
    falsified_by: "one of those characters in an output, a line that the name begins, or another name in the JSON",
    proves: &["R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(names_steer_nothing(context)),
};

/// What PostgreSQL takes for a name, as do its plugins.
const NAME: &str = "x\nMAINPID=1\x1b[2J\u{202e}\u{9b}31m\u{200b}y";
const SHOWN: &str = r"public.x\nMAINPID=1\u{1b}[2J\u{202e}\u{9b}31m\u{200b}y";
const IN_JSON: &str = r#""payload":"public.x\nMAINPID=1\u001b[2J\u202e\u009b31m\u200by""#;

async fn names_steer_nothing(context: Context) -> Result<Evidence, Failure> {
    context
        .sql(&format!("CREATE TABLE \"{NAME}\" (id int); CREATE UNLOGGED TABLE \"u{NAME}\" (id int)"))
        .await?;
    let mut outlets = 0;
    for (flags, shown) in [
        (&["-vv", "watch"][..], SHOWN),
        (&["-vv", "watch", "--summary"], SHOWN),
        (&["-vv", "watch", "--output=json"], IN_JSON),
        (&["-vv", "--log-format=json", "watch", "--exec=cat"], IN_JSON),
    ] {
        watched(&context, flags, shown)
            .await
            .map_err(|failure| Failure::new(format!("{flags:?}: {failure}")))?;
        outlets += 2;
    }
    outlets += bridged(&context).await?;
    outlets += examined(&context).await?;
    evidence!("{outlets} outlets showed {SHOWN}")
}

/// Its output, and its log.
async fn watched(context: &Context, flags: &[&str], shown: &str) -> Result<(), Failure> {
    let mut command = watch::command()?;
    let plugin = format!("--plugin={}", context.variant.flag());
    let mut program = Program::start(command.args(flags).args([&plugin, "--once", &context.scratch.dsn()]))?;
    let resync = program.next_line(PATIENCE).await?;
    ensure!(resync.contains("resync"), "{resync:?}");
    change(context).await?;
    let line = program.next_line(PATIENCE).await?;
    ensure!(line.contains(shown), "it shows {line:?}");
    let finished = program.wait(PATIENCE).await?;
    unsteered(&[&line, &finished.stdout.join("\n"), &finished.stderr])?;
    let logged = finished.stderr.lines().find(|line| line.contains("MAINPID"));
    ensure!(logged.is_some_and(|line| line.contains("change")), "it logs {:?}", finished.stderr);
    Ok(())
}

async fn bridged(context: &Context) -> Result<usize, Failure> {
    let bridge = context.bridge(&["--notify=nudge"]).await?;
    bridge.ready().await?;
    let (_client, mut notifications) = listener::subscribe(&context.scratch.dsn(), "nudge").await?;
    let mut events = bridge.events("").await?;
    let first = events.next_event().await?.unwrap_or_default();
    ensure!(first.contains("resync"), "{first:?}");
    change(context).await?;
    let late = |_| Failure::new("nothing arrives");
    let event = timeout(PATIENCE, events.next_event()).await.map_err(late)??.unwrap_or_default();
    ensure!(event.contains(IN_JSON), "the event is {event:?}");
    let name = format!("public.{NAME}");
    loop {
        let notification = timeout(PATIENCE, notifications.recv()).await.map_err(late)?;
        let (payload, _) = notification.ok_or_else(|| Failure::new("the session has ended"))?;
        if payload == name {
            break;
        }
        ensure!(payload == "*", "the payload is {payload:?}");
    }
    let mut status = EventStream::open(bridge.address(), "/status", &[]).await?;
    let mut report = String::new();
    while !report.contains("MAINPID") {
        report = timeout(PATIENCE, status.next_event()).await.map_err(late)??.unwrap_or_default();
    }
    let nonsense = "/events?table=%0aMAINPID=1%1b[2J%e2%80%ae";
    let refused = http::get(bridge.address(), nonsense, &[]).await?;
    ensure!(refused.status == 400 && refused.body.contains(r"\nMAINPID"), "{refused:?}");
    let broken = http::get(bridge.address(), "/events?table=public.%FF", &[]).await?;
    ensure!(broken.status == 400 && broken.body.contains("UTF-8"), "{broken:?}");
    let metrics = http::get(bridge.address(), "/metrics", &[]).await?.body;
    ensure!(metrics.contains("pgnudge_changes_total") && !metrics.contains("MAINPID"), "{metrics}");
    unsteered(&[&event, &report, &refused.body, &bridge.stderr()])?;
    Ok(5)
}

async fn examined(context: &Context) -> Result<usize, Failure> {
    for output in ["--output=text", "--output=json"] {
        let mut command = watch::command()?;
        command.args(["doctor", output, "-t", "public.*", &context.scratch.dsn()]).kill_on_drop(true);
        let ended = timeout(PATIENCE, command.output()).await.map_err(|_| Failure::new("no report"))??;
        let report = String::from_utf8(ended.stdout)?;
        ensure!(report.matches("MAINPID").count() > 1, "nothing about the table: {report:?}");
        unsteered(&[&report])?;
    }
    Ok(2)
}

async fn change(context: &Context) -> Result<(), Failure> {
    context.sql(&format!("INSERT INTO \"{NAME}\" VALUES (1)")).await
}

/// Nothing that a reader cannot see, and no line that the name begins.
fn unsteered(outputs: &[&str]) -> Result<(), Failure> {
    for output in outputs {
        let unseen = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{200b}".contains(c));
        ensure!(!output.contains(unseen), "unseen: {output:?}");
        ensure!(!output.lines().any(|line| line.trim_start().starts_with("MAINPID")), "a line: {output:?}");
    }
    Ok(())
}
