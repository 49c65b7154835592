//! `bridge_latency`: how long it takes from a commit to whoever LISTENs, and to whoever holds an event stream.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use pgnudge_live::listener::subscribe;
use pgnudge_live::{Bridge, Failure, product};
use pgnudge_testkit::{Scratch, Server};

fn main() -> Result<(), Failure> {
    product::build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let server = Arc::new(Server::find().await?);
        let scratch = server.scratch("latency").await?;
        scratch.sql("CREATE TABLE t (id int)").await?;
        println!("PostgreSQL {}, {COMMITS} commits, {} ms apart\n", server.version(), PAUSE.as_millis());
        println!("| debounce | to | p50 | p99 | max |\n|---|---|---|---|---|");
        for debounce in ["0ms", "50ms"] {
            let flag = format!("--debounce={debounce}");
            let bridge = Bridge::start(&scratch.dsn(), &["--notify=nudge", &flag]).await?;
            bridge.ready().await?;
            let (listened, streamed) = measure(&scratch, &bridge).await?;
            for (whom, times) in [("LISTEN", listened), ("SSE", streamed)] {
                let at = |percent: usize| {
                    times.get((times.len() - 1) * percent / 100).copied().unwrap_or_default()
                };
                println!("| {debounce} | {whom} | {:.1?} | {:.1?} | {:.1?} |", at(50), at(99), at(100));
            }
        }
        Ok(())
    })
}

/// The times from the end of each COMMIT to the arrival of its nudge, sorted.
async fn measure(scratch: &Scratch, bridge: &Bridge) -> Result<(Vec<Duration>, Vec<Duration>), Failure> {
    let (_client, mut notifications) = subscribe(&scratch.superuser_dsn(), "nudge").await?;
    let mut stream = bridge.events("?table=public.t").await?;
    stream.next_event().await?;
    let writer = scratch.connect().await?;
    let insert = writer.prepare("INSERT INTO t VALUES (1)").await?;
    let (mut listened, mut streamed) = (Vec::new(), Vec::new());
    for _ in 0..COMMITS {
        writer.execute(&insert, &[]).await?;
        let committed = Instant::now();
        stream.next_event().await?;
        streamed.push(committed.elapsed());
        let arrived = notifications.recv().await.ok_or_else(|| Failure::new("the listener is gone"))?.1;
        listened.push(arrived.saturating_duration_since(committed));
        tokio::time::sleep(PAUSE).await;
    }
    listened.sort_unstable();
    streamed.sort_unstable();
    Ok((listened, streamed))
}

const COMMITS: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(5);
