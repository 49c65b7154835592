//! Between a feed and what its consumer refetches nothing is lost, however busy the server is.
//!
//! Each writer has a table and numbers its rows, so its commits are a sequence. The slot cuts the
//! sequence at one place: what a feed tells is the end of it, and as long as what it told. What the
//! refetch has seen is the beginning. The two must meet or overlap.
//!
//! Seen to fail: with the Resync emitted when the connection is logged in, before the slot is made; it
//! takes one round.

use crate::context::{Context, connected};
use crate::evidence::{ensure, evidence};
use crate::load::Load;
use crate::{Claim, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "gap_free_handshake",
    title: "no gap between refetch and feed",
    claim: "While writers commit as fast as they can, every commit is seen by the refetch that follows \
            Resync(Connected), or told.",
    falsified_by: "a commit that is neither in the refetch nor in the counts",
    proves: &["R1"],
    plugins: Plugins::Each,
    needs: &[Need::ForTests("its writers commit as fast as they can")],
    run: |context| Box::pin(gap_free_handshake(context)),
};

async fn gap_free_handshake(context: Context) -> Result<Evidence, Failure> {
    for table in WRITERS {
        context
            .sql(&format!("CREATE TABLE {table} (n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)"))
            .await?;
    }
    let (mut commits, mut both) = (0, 0);
    let rounds = context.effort.rounds(ROUNDS, THOROUGH);
    for round in 1..=rounds {
        let result = connect_under_load(&context).await;
        let (committed, overlap) = result.map_err(|failure| failure.within(format!("connection {round}")))?;
        commits += committed;
        both += overlap;
    }
    evidence!("{rounds} connections during {commits} commits: none lost, {both} both refetched and told")
}

/// Connects and refetches while everybody writes. Returns how many commits there were meanwhile, and
/// how many of all were both refetched and told.
async fn connect_under_load(context: &Context) -> Result<(u64, u64), Failure> {
    let mut writers = Vec::new();
    for table in WRITERS {
        let insert = format!("INSERT INTO {table} DEFAULT VALUES");
        writers.push(Load::start(&context.scratch, &insert).await?);
    }
    let mut feed = connected(context.builder()).await?;
    let mut refetched = Vec::new();
    for table in WRITERS {
        refetched.push(last(context, table).await?);
    }
    let (mut commits, mut both) = (0, 0);
    for writer in writers {
        commits += writer.stop().await?;
    }
    let told = context.tally(&mut feed).await?;
    ensure!(told.resyncs.is_empty(), "it told {told}");
    for (table, seen) in WRITERS.into_iter().zip(refetched) {
        let (all, told) = (last(context, table).await?, told.count(table));
        ensure!(
            all <= seen + told,
            "of {all} commits in {table} the refetch saw {seen}, and {told} were told: {} are lost",
            all - seen - told,
        );
        both += seen + told - all;
    }
    Ok((commits, both))
}

/// The number of a table's last row, which is the number of its rows.
async fn last(context: &Context, table: &str) -> Result<u64, Failure> {
    let query = format!("SELECT coalesce(max(n), 0) FROM {table}");
    Ok(context.scratch.query_one_text(&query).await?.parse()?)
}

const ROUNDS: u32 = 20;
const THOROUGH: u32 = 1_000;
const WRITERS: [&str; 3] = ["public.a", "public.b", "public.c"];
