//! When windows close. Only what holds on the slowest machine is asserted: orders, and "at most".
//!
//! Seen to fail: with `mid_transaction` never set in `Window::absorb` (transactions are split); with a
//! leading edge that never waits (too many batches); with `max_batch_wait` ignored (the trickle is not
//! told).

use std::time::{Duration, Instant};

use pgnudge::Edge;
use tokio::time::sleep;

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "window_law",
    title: "the law of the window",
    claim: "A window holds whole transactions; there is at most one per debounce; a trickle is told after \
            max_batch_wait; and with edge=leading the first change after a quiet spell is told at its commit.",
    falsified_by: "a transaction that is split, more batches than the time has room for, a trickle that is never \
                   told, or a leading edge that waits for debounce",
    proves: &["R4"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(window_law(context)),
};

async fn window_law(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)").await?;
    context.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await?;
    let windows = whole(&context).await?;
    let (trailing, leading) =
        (spaced(&context, Edge::Trailing).await?, spaced(&context, Edge::Leading).await?);
    let trickle = trickle(&context).await?;
    let at_once = at_once(&context).await?;
    evidence!("{windows}; {trailing}; {leading}; {trickle}; {at_once}")
}

/// Of each transaction the last row is of another table than the first 20,000.
async fn whole(context: &Context) -> Result<String, Failure> {
    let mut feed = connected(whole_transactions(context.builder())).await?;
    for first in [1, 100_001, 200_001] {
        let rows = format!("INSERT INTO a SELECT generate_series({first}, {first} + 19999)");
        context.sql(&format!("BEGIN; {rows}; INSERT INTO b VALUES ({first}); COMMIT")).await?;
    }
    // One to three windows, as the transactions happen to arrive.
    let mut told = 0;
    while told < 3 {
        let item = feed.next_item().await?;
        let counts: Vec<_> = item.changes().iter().map(|change| change.count).collect();
        let merged = counts.last().copied().unwrap_or_default();
        ensure!(counts == [20_000 * merged, merged], "a transaction is split: {item:?}");
        told += merged;
    }
    Ok("3 transactions of 20,001 rows, none split".into())
}

/// A window closes at the earliest `debounce` after the one before.
async fn spaced(context: &Context, edge: Edge) -> Result<String, Failure> {
    let mut feed = connected(context.builder().debounce(SPACE).edge(edge)).await?;
    let load = Load::start(&context.scratch, "INSERT INTO t DEFAULT VALUES").await?;
    let (began, mut batches) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(2) {
        feed.next_item().await?;
        batches += 1;
    }
    let room = began.elapsed().as_micros() / SPACE.as_micros() + 1;
    let commits = load.stop().await?;
    ensure!(batches <= room, "{edge:?}: {batches} batches, and room for {room}");
    Ok(format!("{edge:?}: {commits} commits in {batches} of at most {room} batches"))
}

/// A commit every few milliseconds, until it is told: by `debounce` alone it never would be.
async fn trickle(context: &Context) -> Result<String, Failure> {
    let (debounce, wait) = (Duration::from_secs(600), Duration::from_millis(500));
    let refused = context.builder().debounce(debounce).max_batch_wait(wait).connect().await;
    ensure!(refused.is_err(), "a max_batch_wait below debounce is accepted");
    let mut feed = connected(context.builder().debounce(wait).max_batch_wait(wait)).await?;
    let mut commits = 0;
    let told = loop {
        tokio::select! {
            item = feed.next_item() => break item?,
            () = sleep(Duration::from_millis(5)) => {
                context.sql("INSERT INTO t DEFAULT VALUES").await?;
                commits += 1;
            }
        }
    };
    ensure!(told.changes()[0].count <= commits, "{commits} commits, and {told:?}");
    Ok(format!("a trickle was told after {commits} commits"))
}

/// The best of three: a machine may be busy for longer than `debounce`, but not each time.
async fn at_once(context: &Context) -> Result<String, Failure> {
    let debounce = Duration::from_secs(2);
    let mut feed = connected(context.builder().debounce(debounce).edge(Edge::Leading)).await?;
    let mut waits = Vec::new();
    while waits.len() < 3 {
        sleep(debounce + Duration::from_millis(100)).await;
        let before = Instant::now();
        context.sql("INSERT INTO t DEFAULT VALUES").await?;
        feed.next_item().await?;
        waits.push(before.elapsed());
        if before.elapsed() < debounce {
            return Ok(format!("Leading: a lone commit was told after {:.1?}", before.elapsed()));
        }
    }
    Err(Failure::new(format!(
        "with edge=leading and debounce={debounce:?} lone commits were told after {waits:?}"
    )))
}

const SPACE: Duration = Duration::from_millis(100);
