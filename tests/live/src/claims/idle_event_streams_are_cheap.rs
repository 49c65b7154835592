//! Thousands of clients of one bridge, one of which does not read.
//!
//! Seen to fail: with 100 KiB more per client; with a queue per client, in which the one that does not read
//! finds nearly every item by itself.

use std::time::Instant;

use crate::consumer::Consumer;
use crate::evidence::{ensure, evidence};
use crate::tally::Tally;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "idle_event_streams_are_cheap",
    title: "thousands of event streams",
    claim: "Thousands of clients hold event streams of one bridge, with one slot, for less than 64 KiB each, and \
            are all told of a change; one that does not read holds up nobody, and finds merged items with exact \
            counts when it does.",
    falsified_by: "a client that is refused or not told, more memory, more slots, another count, or as many items \
                   for who did not read as for who did",
    proves: &["R3", "R5"],
    plugins: Plugins::Auto,
    needs: &[Need::ProcessMemory],
    run: |context| Box::pin(idle_event_streams_are_cheap(context)),
};

async fn idle_event_streams_are_cheap(context: Context) -> Result<Evidence, Failure> {
    let make = format!(
        "CREATE SCHEMA busy; CREATE TABLE idle (id int); \
         DO $$ BEGIN FOR n IN 1..{TABLES} LOOP EXECUTE format('CREATE TABLE busy.a_table_with_a_long_name_%s (id int)', n); \
         END LOOP; END $$"
    );
    context.sql(&make).await?;
    let bridge = context.bridge(&["--debounce=0", "--http-heartbeat=1m"]).await?;
    bridge.ready().await?;
    let clients = CLIENTS.min(open_files()?.saturating_sub(500));
    let before = bridge.memory()?.resident;
    let mut idle = Vec::with_capacity(clients);
    for _ in 0..clients {
        idle.push(bridge.events("?table=public.idle").await?);
    }
    for stream in &mut idle {
        stream.resync("connected").await?;
    }
    let each = (bridge.memory()?.resident.saturating_sub(before)) / clients as u64;
    ensure!(each < 64 << 10, "{each} bytes per client");
    context.slots(1).await?;

    let (mut quick, mut slow) =
        (bridge.events("?table=busy.*").await?, bridge.events("?table=busy.*").await?);
    quick.resync("connected").await?;
    slow.resync("connected").await?;
    let (mut told, mut merged) = (Tally::default(), Tally::default());
    let round = format!(
        "DO $$ BEGIN FOR n IN 1..{TABLES} LOOP \
         EXECUTE format('INSERT INTO busy.a_table_with_a_long_name_%s VALUES (1)', n); END LOOP; END $$"
    );
    for n in 1..=ROUNDS {
        context.sql(&round).await?;
        while told.sum() < n * TABLES {
            told.add(&quick.next_item().await?);
        }
    }
    while merged.sum() < ROUNDS * TABLES {
        merged.add(&slow.next_item().await?);
    }
    ensure!(told.sum() == ROUNDS * TABLES && merged.sum() == told.sum(), "{told}; {merged}");
    // Some lie in buffers of the kernels; and no two windows split alike, with or without a queue.
    let (few, many) = (merged.batches, told.batches);
    ensure!(few * 3 < many * 2, "{few} items for who did not read, {many} for who did");

    let changed = Instant::now();
    context.sql("INSERT INTO idle VALUES (1)").await?;
    for stream in &mut idle {
        let item = stream.next_item().await?;
        ensure!(item.changes().len() == 1, "not one table but {item:?}");
    }
    let took = changed.elapsed();
    evidence!(
        "{clients} clients, {:.1} KiB each, one slot; all told {took:.1?} after a change; who did not read found {} \
         items in place of {}",
        each as f64 / 1024.0,
        merged.batches,
        told.batches
    )
}

/// How many files a process may have open here, as Linux tells it.
fn open_files() -> Result<usize, Failure> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(soft.unwrap_or(usize::MAX))
}

const CLIENTS: usize = 10_000;
const TABLES: u64 = 200;
/// Enough to fill what the kernels keep for a client that does not read, twice over; and it must be over within three
/// heartbeats, for then such a client is left.
const ROUNDS: u64 = 120;
