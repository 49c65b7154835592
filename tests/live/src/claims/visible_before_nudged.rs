//! A refetch made at once sees what it was nudged for.
//!
//! It can fail: with `visibility(Visibility::Off)` about seven of 10,000 reads were old.

use std::time::Duration;

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Item, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "visible_before_nudged",
    title: "visible before nudged",
    claim: "A refetch made on a wakeup, within the same millisecond, never reads the old rows.",
    falsified_by: "one read that is older than the changes it was nudged for",
    proves: &["R13"],
    plugins: Plugins::Each,
    needs: &[Need::ForTests("it commits as fast as it can")],
    run: |context| Box::pin(visible_before_nudged(context)),
};

async fn visible_before_nudged(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE seen (id int PRIMARY KEY, v int); INSERT INTO seen VALUES (1, 0)").await?;
    let (writer, reader) = (context.scratch.connect().await?, context.scratch.connect().await?);
    let mut feed = connected(context.builder().debounce(Duration::ZERO)).await?;
    let writing = tokio::spawn(async move {
        for n in 1..=UPDATES {
            writer.execute("UPDATE seen SET v = $1", &[&n]).await?;
        }
        Ok::<_, Failure>(())
    });
    let read = reader.prepare("SELECT v FROM seen").await?;
    let (mut told, mut reads) = (0, 0);
    while told < UPDATES {
        told += count(&feed.next_item().await?)?;
        let value: i32 = reader.query_one(&read, &[]).await?.get(0);
        reads += 1;
        ensure!(value >= told, "after {told} changes a refetch read {value}");
    }
    writing.await??;
    evidence!("{UPDATES} updates, {reads} refetches at once, none old")
}

/// The rows of a batch; there is one table.
fn count(item: &Item) -> Result<i32, Failure> {
    ensure!(item.resync_reason().is_none(), "not a batch but {item:?}");
    let rows: u64 = item.changes().iter().map(|change| change.count).sum();
    i32::try_from(rows).map_err(|error| Failure::new(error.to_string()))
}

const UPDATES: i32 = 3_000;
