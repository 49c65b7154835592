//! One subscriber of a hub stalls beside 999 that do not.
//!
//! What is measured is told and not asserted: machines differ. Seen to fail: with items that a seat
//! forgets while it has one pending (`Seat::deliver`).

use std::time::Duration;

use futures::FutureExt;
use pgnudge::{FeedItem, Hub, Subscription};
use pgnudge_testkit::Memory;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::consumer::PATIENCE;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_stalled_subscriber_harms_nobody",
    title: "a stalled subscriber beside 999 live ones",
    claim: "While one subscriber of a hub takes nothing, 999 others are told each commit at once; it grows nowhere, \
            and finds one merged item with the exact count.",
    falsified_by: "a live subscriber that is not told, or more than one item for the one that stalled",
    proves: &["R3", "R5", "R9"],
    plugins: Plugins::Auto,
    needs: &[Need::ProcessMemory],
    run: |context| Box::pin(a_stalled_subscriber_harms_nobody(context)),
};

async fn a_stalled_subscriber_harms_nobody(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int)").await?;
    let hub = Hub::new(connected(context.builder().debounce(Duration::ZERO)).await?);
    let join = || hub.subscription().debounce(Duration::ZERO).subscribe();
    let (tell, mut told) = mpsc::unbounded_channel();
    for _ in 0..LIVE {
        tokio::spawn(live(join()?, tell.clone()));
    }
    // Each is told of its Resync first.
    all_are_told(&mut told).await?;
    let alone = commits(&context, &mut told).await?;

    let mut stalled = join()?;
    let first = stalled.next().await;
    ensure!(first.as_ref().is_some_and(FeedItem::is_resync), "not a Resync but {first:?}");
    let before = Memory::of(std::process::id())?;
    let beside = commits(&context, &mut told).await?;
    let grown = Memory::of(std::process::id())?.resident.saturating_sub(before.resident) / 1024;

    let merged = stalled.next().await;
    ensure!(merged.as_ref().map(rows) == Some(COMMITS), "the one that stalled found {merged:?}");
    let more = stalled.next().now_or_never();
    ensure!(more.is_none(), "behind the merged item there was {more:?}");
    evidence!(
        "{COMMITS} commits, each told to {LIVE} others: the last of them after {alone:.1?} at the median, and after \
        {beside:.1?} beside the one that stalled; {grown} kB more memory; it found one item"
    )
}

/// Commits one by one, and waits each time until all are told. Returns how long that took, at the median.
async fn commits(context: &Context, told: &mut mpsc::UnboundedReceiver<u64>) -> Result<Duration, Failure> {
    let mut took = Vec::new();
    for n in 0..COMMITS {
        context.sql(&format!("INSERT INTO t VALUES ({n})")).await?;
        let committed = Instant::now();
        all_are_told(told).await?;
        took.push(committed.elapsed());
    }
    took.sort_unstable();
    Ok(took[took.len() / 2])
}

async fn all_are_told(told: &mut mpsc::UnboundedReceiver<u64>) -> Result<(), Failure> {
    for number in 0..LIVE {
        let one = timeout(PATIENCE, told.recv()).await.ok().flatten();
        ensure!(one == Some(1), "{number} of {LIVE} were told 1 change, the next one {one:?}");
    }
    Ok(())
}

/// Passes on how many changes it is told. A Resync counts as one.
async fn live(mut subscription: Subscription, tell: mpsc::UnboundedSender<u64>) {
    while let Some(item) = subscription.next().await {
        let changes = if item.is_resync() { 1 } else { rows(&item) };
        if tell.send(changes).is_err() {
            return;
        }
    }
}

fn rows(item: &FeedItem) -> u64 {
    match item {
        FeedItem::Resync { .. } => 0,
        FeedItem::Batch { events, .. } => events.iter().map(|event| event.count).sum(),
    }
}

const LIVE: u64 = 999;
const COMMITS: u64 = 200;
