//! The programs of docs/listeners.md, as they stand there.
//!
//! Seen to fail: with a sample in Python that does not reload at first, and with one in shell that does not come back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pgnudge_testkit::{Program, Signal, pgnudge_binary};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use crate::bridge::Bridge;
use crate::browser::{self, Browser};
use crate::consumer::PATIENCE;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "samples_for_listeners_survive",
    title: "samples for listeners",
    claim: "The samples of docs/listeners.md reload everything when they begin, when their session is ended and when \
            the bridge is killed, and a table when it changes; the webhook is posted again until it is taken.",
    falsified_by: "a sample that ends, stays away, or misses a reload",
    proves: &["R1", "R2"],
    plugins: Plugins::Auto,
    needs: &[Need::ForTests("it ends sessions and kills bridges")],
    run: |context| Box::pin(samples_for_listeners_survive(context)),
};

async fn samples_for_listeners_survive(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE orders (id int)").await?;
    let mut told = Vec::new();
    let listening =
        [("Python, psycopg 3", python as fn(&str) -> Sample), ("JavaScript, node-postgres", node)];
    for (heading, prepare) in listening {
        let outcome = match prepare(&sample(heading)?) {
            Ok(command) => listens(&context, command).await.map(|()| "ran".to_owned()),
            Err(missing) => Ok(format!("SKIPPED, {missing}")),
        };
        told.push(format!("{heading}: {}", outcome.map_err(|failure| failure.within(heading))?));
    }
    shell(&context, &sample("Shell, curl")?).await.map_err(|failure| failure.within("curl"))?;
    webhook(&context, &sample("Webhooks")?).await.map_err(|failure| failure.within("webhook"))?;
    told.push("curl and the webhook: ran".to_owned());
    if let Some(missing) = browser::missing() {
        told.push(format!("EventSource: SKIPPED, {missing}"));
    } else {
        event_source(&context, &sample("Browser, EventSource")?).await?;
        told.push("EventSource: ran".to_owned());
    }
    evidence!("{}", told.join("; "))
}

/// A command that runs a sample, or what is missing for it.
type Sample = Result<Command, &'static str>;

/// The first block of code below a heading of the page.
fn sample(heading: &str) -> Result<String, Failure> {
    let page = include_str!("../../../../docs/listeners.md");
    let below = page.lines().skip_while(|line| line.trim_start_matches(['#', ' ']) != heading);
    let code = below.skip_while(|line| !line.starts_with("```")).skip(1);
    let code: Vec<_> = code.take_while(|line| !line.starts_with("```")).collect();
    ensure!(!code.is_empty(), "there is no sample below {heading}");
    Ok(code.join("\n"))
}

fn python(code: &str) -> Sample {
    let has = std::process::Command::new("python3").args(["-c", "import psycopg"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        return Err("psycopg is not installed");
    }
    let mut command = Command::new("python3");
    command.args(["-c", code]);
    Ok(command)
}

fn node(code: &str) -> Sample {
    let root = std::process::Command::new("npm").args(["root", "-g"]).output();
    let root = root.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let root = root.map(|root| PathBuf::from(root.trim())).filter(|root| root.join("pg").is_dir());
    let Some(root) = root else { return Err("node-postgres is not installed (npm install -g pg)") };
    let module = format!("file://{}", root.join("pg/esm/index.mjs").display());
    let mut command = Command::new("node");
    command.args(["--input-type=module", "-e", &code.replace("from \"pg\"", &format!("from {module:?}"))]);
    Ok(command)
}

/// Until a line of it contains that.
async fn until(program: &mut Program, expected: &str) -> Result<(), Failure> {
    let mut said = Vec::new();
    loop {
        let line = program.next_line(PATIENCE).await;
        let line = line.map_err(|error| {
            Failure::new(format!("no {expected:?} but {said:?}: {error}; {}", program.stderr()))
        })?;
        if line.contains(expected) {
            return Ok(());
        }
        said.push(line);
    }
}

/// With LISTEN.
async fn listens(context: &Context, mut command: Command) -> Result<(), Failure> {
    let bridge = context.bridge(&["--notify=nudge"]).await?;
    bridge.ready().await?;
    let mut program = Program::start(command.env("DATABASE_URL", context.scratch.dsn()))?;
    until(&mut program, "reload *").await?;
    context.sql("INSERT INTO orders VALUES (1)").await?;
    until(&mut program, "reload public.orders").await?;
    let session = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND query = 'LISTEN nudge'";
    context.scratch.query_one_text(session).await?;
    until(&mut program, "trying again").await?;
    until(&mut program, "reload *").await?;
    bridge.end(Signal::Kill).await?;
    let bridge = context.bridge(&["--notify=nudge"]).await?;
    bridge.ready().await?;
    until(&mut program, "reload *").await?;
    context.sql("INSERT INTO orders VALUES (1)").await?;
    until(&mut program, "reload public.orders").await
}

async fn shell(context: &Context, code: &str) -> Result<(), Failure> {
    let bridge = context.bridge(&[]).await?;
    bridge.ready().await?;
    let address = bridge.address();
    let mut command = Command::new("sh");
    command.args(["-c", code]).env("BRIDGE", format!("http://{address}")).process_group(0);
    let mut program = Program::start(&mut command)?;
    until(&mut program, r#""type":"resync""#).await?;
    context.sql("INSERT INTO orders VALUES (1)").await?;
    until(&mut program, "public.orders").await?;
    bridge.end(Signal::Kill).await?;
    let bridge = Bridge::start_at(address, &context.scratch.dsn(), &[]).await?;
    bridge.ready().await?;
    until(&mut program, r#""type":"resync""#).await?;
    context.sql("INSERT INTO orders VALUES (1)").await?;
    until(&mut program, "public.orders").await
}

/// It is refused once with each kind of item, and posted again.
async fn webhook(context: &Context, code: &str) -> Result<(), Failure> {
    let receiver = TcpListener::bind(("127.0.0.1", 0)).await?;
    let hook = format!("http://{}/hook", receiver.local_addr()?);
    let program = pgnudge_binary()?;
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let own = program.parent().unwrap_or_else(|| Path::new("/")).to_path_buf();
    let path = std::env::join_paths([own].into_iter().chain(std::env::split_paths(&directories)));
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {code}")]).env("WEBHOOK", hook);
    command.env("DATABASE_URL", context.scratch.dsn()).env("PATH", path.unwrap_or(directories));
    let watch = Program::start(&mut command)?;
    let posted = async |status| {
        let posted = timeout(PATIENCE, receive(&receiver, status)).await;
        posted.unwrap_or_else(|_| Err(Failure::new(format!("nothing is posted: {}", watch.stderr()))))
    };
    for (kind, change) in [("resync", None), ("public.orders", Some("INSERT INTO orders VALUES (1)"))] {
        if let Some(change) = change {
            // The command of the item before has ended by then, as far as it goes.
            tokio::time::sleep(Duration::from_millis(200)).await;
            context.sql(change).await?;
        }
        for status in ["500 No", "204 No Content"] {
            let body = posted(status).await?;
            ensure!(body.contains(kind), "posted with {status}: {body}");
        }
    }
    Ok(())
}

/// One request, answered with this status. Returns its body.
async fn receive(receiver: &TcpListener, status: &str) -> Result<String, Failure> {
    let (mut connection, _) = receiver.accept().await?;
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                connection.write_all(answer.as_bytes()).await?;
                return Ok(body.to_owned());
            }
        }
        ensure!(connection.read_buf(&mut request).await? > 0, "the request ends within {text:?}");
    }
}

async fn event_source(context: &Context, code: &str) -> Result<(), Failure> {
    let bridge = context.bridge(&[]).await?;
    bridge.ready().await?;
    let (address, browser) = (bridge.address(), Browser::start().await?);
    browser.open(&format!("http://{address}/healthz")).await?;
    let script = code.replace("<script>", "").replace("</script>", "");
    let wrapped = format!(
        "(() => {{ window.told = []; const reload = table => window.told.push(table); {script} return 1; }})()"
    );
    browser.value(&wrapped).await?;
    browser.until("window.told.join() === '*'").await?;
    context.sql("INSERT INTO orders VALUES (1)").await?;
    browser.until("window.told.join() === '*,public.orders'").await?;
    bridge.end(Signal::Kill).await?;
    let bridge = Bridge::start_at(address, &context.scratch.dsn(), &[]).await?;
    bridge.ready().await?;
    browser.until("window.told.join() === '*,public.orders,*'").await?;
    browser.quit().await
}
