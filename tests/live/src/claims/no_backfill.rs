//! What was committed before a connection, or between two, is not told: a `Resync` stands for it.
//!
//! Seen to fail: with the rows committed after the connection, the tally shows them.

use crate::consumer::Consumer;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "no_backfill",
    title: "no backfill",
    claim: "A feed tells nothing of what was committed before it connected: the first item is a Resync, \
            and the first event is of a later commit.",
    falsified_by: "an event of a table that changed only before the connection",
    proves: &["R1", "law 5"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(no_backfill(context)),
};

async fn no_backfill(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE history (id int); CREATE TABLE news (id int PRIMARY KEY)").await?;
    for connection in 1..=CONNECTIONS {
        context.sql("INSERT INTO history SELECT generate_series(1, 1000)").await?;
        let mut feed = context.builder().connect().await?;
        let first = feed.next_item().await?;
        ensure!(first.resync_reason() == Some("connected"), "the first item is {first:?}");
        context.sql(&format!("INSERT INTO news VALUES ({connection})")).await?;
        context.tally(&mut feed).await?.ensure_exactly(&[("public.news", 1)])?;
    }
    let rows = CONNECTIONS * 1000;
    evidence!("{CONNECTIONS} connections, {rows} rows committed before them, 0 of those told")
}

const CONNECTIONS: u32 = 3;
