//! A hub shares a feed.
//!
//! It can fail: with one `Pending` for all seats the slow subscriber would take what the others wait for.

use std::time::{Duration, Instant};

use pgnudge::{FeedItem, Hub, Reason, Subscription};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::consumer::PATIENCE;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "one_feed_many_subscribers",
    title: "one feed, many subscribers",
    claim: "Ten thousand subscribers share one slot; each is told every change that its filter lets through, one \
            that does not ask holds nobody up and then finds one merged item, and one that joins late starts with \
            a Resync.",
    falsified_by: "a subscriber with another count, more than one slot, or a second item for the slow one",
    proves: &["R3", "R5", "R6"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(one_feed_many_subscribers(context)),
};

async fn one_feed_many_subscribers(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE a (id int); CREATE TABLE b (id int)").await?;
    let hub = Hub::new(connected(context.builder().debounce(Duration::ZERO)).await?);
    let join = |table: &str| hub.subscription().tables([table]).debounce(Duration::ZERO).subscribe();
    let (mut slow, mut other) = (join("public.a")?, join("public.b")?);
    let mut live = JoinSet::new();
    for _ in 2..SUBSCRIBERS {
        live.spawn(told(join("public.a")?, CHANGES));
    }
    ensure!(hub.subscribers() == SUBSCRIBERS, "{} subscribers", hub.subscribers());
    resync(&mut slow).await?;
    resync(&mut other).await?;

    let begun = Instant::now();
    for n in 0..CHANGES {
        context.sql(&format!("INSERT INTO a VALUES ({n})")).await?;
    }
    context.sql("INSERT INTO b VALUES (1)").await?;
    while let Some(counted) = live.join_next().await {
        let counted = counted??;
        ensure!(counted == CHANGES, "a subscriber was told {counted} changes of {CHANGES}");
    }
    let took = begun.elapsed();
    ensure!(told(other, 1).await? == 1, "the other table's subscriber was told too much");
    let merged = next(&mut slow).await?;
    ensure!(rows(&merged) == CHANGES, "the slow subscriber found {merged:?}");
    resync(&mut join("public.a")?).await?;
    context.slots(1).await?;
    evidence!("{SUBSCRIBERS} subscribers, one slot, {CHANGES} changes each, told {took:.0?} after the first")
}

/// Takes items until that many changes were told.
async fn told(mut subscription: Subscription, expected: u64) -> Result<u64, Failure> {
    let mut sum = 0;
    while sum < expected {
        sum += rows(&next(&mut subscription).await?);
    }
    Ok(sum)
}

async fn resync(subscription: &mut Subscription) -> Result<(), Failure> {
    let item = next(subscription).await?;
    let expected = matches!(item, FeedItem::Resync { reason: Reason::Connected, .. });
    ensure!(expected, "not Resync(connected) but {item:?}");
    Ok(())
}

async fn next(subscription: &mut Subscription) -> Result<FeedItem, Failure> {
    let late = |_| Failure::new(format!("no item within {PATIENCE:?}"));
    timeout(PATIENCE, subscription.next())
        .await
        .map_err(late)?
        .ok_or_else(|| Failure::new("the hub is closed"))
}

fn rows(item: &FeedItem) -> u64 {
    match item {
        FeedItem::Resync { .. } => 0,
        FeedItem::Batch { events, .. } => events.iter().map(|event| event.count).sum(),
    }
}

const SUBSCRIBERS: usize = 10_000;
const CHANGES: u64 = 50;
