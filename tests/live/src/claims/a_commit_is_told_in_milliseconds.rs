//! From a commit to the item in the consumer's hands.
//!
//! The time is taken from when the statement is sent, so that the commit itself is in it: a moment at
//! which a commit "is done" cannot be seen from outside.
//!
//! Seen to fail: with `debounce` at 200 ms in place of 0.

use std::time::{Duration, Instant};

use pgnudge::FeedBuilder;
use tokio::time::sleep;

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Figure, Plugins, Shape};

pub(super) const CLAIM: Claim = Claim {
    name: "a_commit_is_told_in_milliseconds",
    title: "from commit to item",
    claim: "Of single commits at uneven gaps half are told within 100 ms with debounce 0, statement and commit \
            included, and within 150 ms with the default window of 50 ms.",
    falsified_by: "a median above that",
    proves: &["R4"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(a_commit_is_told_in_milliseconds(context)),
};

async fn a_commit_is_told_in_milliseconds(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await?;
    let commits = context.effort.rounds(COMMITS, THOROUGH);
    let at_once = latencies(&context, context.builder().debounce(Duration::ZERO), commits).await?;
    let windowed = latencies(&context, context.builder(), commits / 4).await?;
    let [median, most] = [50, 99].map(|percent| percentile(&at_once, percent));
    let [median_windowed, most_windowed] = [50, 99].map(|percent| percentile(&windowed, percent));
    ensure!(median < 100.0, "with debounce 0 half of them took more than {median:.1} ms");
    ensure!(median_windowed < 150.0, "with the default window half took more than {median_windowed:.1} ms");
    let figure = Figure::new(
        "From commit to item",
        Shape::Histogram,
        ["ms from sending the statement to holding the item", "commits"],
        "Single commits at uneven gaps, each with its item. The last bar holds whatever took longer.",
    );
    let points = |latencies: &[f64]| latencies.iter().map(|&latency| (latency, 1.0)).collect();
    let figure =
        figure.with("debounce 0", points(&at_once)).with("debounce 50 ms, the default", points(&windowed));
    let evidence = evidence!(
        "{commits} commits with debounce 0: median {median:.1} ms, 99 % within {most:.1} ms; \
         {} with 50 ms: median {median_windowed:.1} ms, 99 % within {most_windowed:.1} ms",
        windowed.len(),
    );
    evidence.map(|evidence: Evidence| evidence.drawn(figure))
}

/// The milliseconds of each, in ascending order.
async fn latencies(context: &Context, builder: FeedBuilder, commits: u32) -> Result<Vec<f64>, Failure> {
    let writer = context.scratch.connect().await?;
    let insert = writer.prepare("INSERT INTO t DEFAULT VALUES").await?;
    let mut feed = connected(builder).await?;
    let mut latencies = Vec::new();
    for commit in 0..commits {
        // Uneven, and the same in each run.
        sleep(Duration::from_micros(u64::from(commit * 7919 % 20_000))).await;
        let sent = Instant::now();
        let told = async { feed.next_item().await.map(|item| (item, sent.elapsed())) };
        let (committed, told) = tokio::join!(writer.execute(&insert, &[]), told);
        committed?;
        let (item, elapsed) = told?;
        ensure!(item.changes().len() == 1, "not the one commit but {item:?}");
        latencies.push(elapsed.as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

/// The value below which so many percent are.
fn percentile(ascending: &[f64], percent: usize) -> f64 {
    let place = ascending.len() * percent / 100;
    ascending.get(place).or(ascending.last()).copied().unwrap_or_default()
}

const COMMITS: u32 = 200;
const THOROUGH: u32 = 5_000;
