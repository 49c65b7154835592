//! `bridge_latency`: how long it takes from a commit to whoever LISTENs, and to whoever holds an event stream.
//!
//! Beside it stands what PostgreSQL does by itself: a NOTIFY in the writer's own transaction. Commits of both
//! kinds take turns, and so do bridges with and without a window, in short blocks, so that whatever else the
//! machine does meets all of them alike. Every time counts from the moment at which COMMIT is sent: a listener
//! may hear of it before the writer does.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::time::{Duration, Instant};

use pgnudge_live::listener::subscribe;
use pgnudge_live::{Bridge, Failure, product};
use pgnudge_testkit::tokio_postgres::Client;
use pgnudge_testkit::{Scratch, Server};
use tokio::sync::mpsc::UnboundedReceiver;

fn main() -> Result<(), Failure> {
    product::build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Result<(), Failure> {
    let server = Server::find().await?;
    let scratch = server.scratch("latency").await?;
    scratch.sql("CREATE TABLE t (id int); CREATE TABLE reference (id int)").await?;
    let (mut plain, mut windows) = (Plain::default(), DEBOUNCES.map(|_| Bridged::default()));
    for _ in 0..BLOCKS {
        for (debounce, bridged) in DEBOUNCES.into_iter().zip(&mut windows) {
            block(&scratch, debounce, bridged, &mut plain).await?;
        }
    }
    let each = BLOCKS * COMMITS;
    println!(
        "PostgreSQL {}, {} build; {each} commits per window, {} of the reference; from COMMIT being sent\n",
        server.version(),
        if cfg!(debug_assertions) { "unoptimised" } else { "release" },
        each * DEBOUNCES.len(),
    );
    println!("| how | to | p50 | p99 | max |\n|---|---|---|---|---|");
    row("COMMIT", "the writer", plain.answered);
    row("NOTIFY in the same transaction", "LISTEN", plain.listened);
    for (debounce, Bridged { listened, streamed }) in DEBOUNCES.into_iter().zip(windows) {
        let how = format!("bridge, debounce {debounce}");
        row(&how, "LISTEN", listened);
        row(&how, "event stream", streamed);
    }
    Ok(())
}

/// The times of commits that notify by themselves.
#[derive(Default)]
struct Plain {
    answered: Vec<Duration>,
    listened: Vec<Duration>,
}

/// The times of commits that a bridge tells of.
#[derive(Default)]
struct Bridged {
    listened: Vec<Duration>,
    streamed: Vec<Duration>,
}

/// Commits of both kinds in turn, with a bridge of its own that is told of one kind.
async fn block(
    scratch: &Scratch,
    debounce: &str,
    bridged: &mut Bridged,
    plain: &mut Plain,
) -> Result<(), Failure> {
    let flags = ["--notify=nudge", "--table=public.t", &format!("--debounce={debounce}")];
    let bridge = Bridge::start(&scratch.dsn(), &flags).await?;
    bridge.ready().await?;
    let (_nudged, mut nudges) = subscribe(&scratch.superuser_dsn(), "nudge").await?;
    let (_notified, mut notifications) = subscribe(&scratch.superuser_dsn(), "reference").await?;
    let mut stream = bridge.events("").await?;
    stream.next_event().await?;
    let writer = scratch.connect().await?;
    for n in 0..WARM_UP + COMMITS {
        let (sent, _) = commit(&writer, "INSERT INTO t VALUES (1)").await?;
        stream.next_event().await?;
        let (streamed, listened) = (sent.elapsed(), heard(&mut nudges, sent).await?);
        tokio::time::sleep(PAUSE).await;
        let (sent, answered) = commit(&writer, "INSERT INTO reference VALUES (1); NOTIFY reference").await?;
        let by_itself = heard(&mut notifications, sent).await?;
        tokio::time::sleep(PAUSE).await;
        if n >= WARM_UP {
            bridged.streamed.push(streamed);
            bridged.listened.push(listened);
            plain.answered.push(answered);
            plain.listened.push(by_itself);
        }
    }
    Ok(())
}

/// When the COMMIT was sent, and how long it took.
async fn commit(writer: &Client, statements: &str) -> Result<(Instant, Duration), Failure> {
    writer.batch_execute(&format!("BEGIN; {statements}")).await?;
    let sent = Instant::now();
    writer.batch_execute("COMMIT").await?;
    Ok((sent, sent.elapsed()))
}

/// How long after that the notification came.
async fn heard(
    notifications: &mut UnboundedReceiver<(String, Instant)>,
    sent: Instant,
) -> Result<Duration, Failure> {
    loop {
        let heard = notifications.recv().await.ok_or_else(|| Failure::new("the listener is gone"))?;
        // The bridge's first word may still be on the way.
        if heard.0 != "*" {
            return Ok(heard.1.saturating_duration_since(sent));
        }
    }
}

fn row(how: &str, to: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| {
        let place = times.len().saturating_sub(1) * percent / 100;
        1e3 * times.get(place).copied().unwrap_or_default().as_secs_f64()
    };
    println!("| {how} | {to} | {:.2} ms | {:.2} ms | {:.2} ms |", at(50), at(99), at(100));
}

const DEBOUNCES: [&str; 2] = ["0ms", "50ms"];
const BLOCKS: usize = 10;
/// In each block, of each kind.
const COMMITS: usize = 100;
/// The first ones meet cold caches of fresh sessions.
const WARM_UP: usize = 5;
/// Between two commits.
const PAUSE: Duration = Duration::from_millis(5);
