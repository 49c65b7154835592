//! A consumer that does not read costs nobody anything, and finds one merged item when it comes back.
//!
//! Two consumers stand still under the same load: a feed that nobody polls, and a `pgnudge watch` whose
//! standard output nobody reads, which blocks as soon as the pipe is full.
//!
//! Seen to fail: with a status that confirms nothing, and with one that goes out at `status_interval`
//! alone (the log is retained); with all bytes that arrive kept in a buffer (the memory grows).

use std::time::{Duration, Instant};

use pgnudge::Feed;
use tokio::time::sleep;

use crate::consumer::Consumer;
use crate::evidence::{ensure, evidence};
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Watch};

use super::a_million_rows_are_one_event::ensure_small;

pub(super) const CLAIM: Claim = Claim {
    name: "the_consumer_is_the_pump",
    title: "a consumer that does not read",
    claim: "While a consumer reads nothing for 10 s under load, confirmed_flush_lsn stays within 16 MB of the \
            write position and the process's memory does not grow; then it gets exactly one merged item.",
    falsified_by: "a greater distance, memory that grows, a second item, or a count that is not that of the rows",
    proves: &["R5", "R9"],
    plugins: Plugins::Each,
    needs: &[Need::ForTests("it writes for 10 s"), Need::ProcessMemory],
    run: |context| Box::pin(the_consumer_is_the_pump(context)),
};

async fn the_consumer_is_the_pump(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, filler text)").await?;
    let mut feed = context.feed().await?;
    // Each commit is an item: the pipe is soon full.
    let mut watch = context.watch(&["--debounce=0", "--max-batch-wait=0"]).await?;
    let began = u64::from(context.scratch.current_wal_lsn().await?);
    let load = Load::start(&context.scratch, FIFTY_ROWS).await?;
    let Unread { retained, early, late } = leave_unread(&context, &watch).await?;
    let rows = 50 * load.stop().await?;
    let written = (u64::from(context.scratch.current_wal_lsn().await?) - began) >> 20;
    ensure!(retained <= 16 * MB, "up to {} MB of the log were retained", retained / MB);
    ensure!(written > 16, "the load wrote {written} MB: too little to show anything");
    ensure!(late <= early + MB, "the memory grew from {early} to {late} bytes");
    let peak = ensure_small(watch.memory()?)?;
    context.arrived().await?;
    take_one(&mut feed, rows).await?;
    let lines = read_up(&context, &mut watch, rows).await?;
    evidence!(
        "{rows} rows, {written} MB of log, unread for {UNREAD:?}: at most {:.1} MB retained, {peak} MB resident; \
         then one item with {rows} rows (watch: {lines} lines)",
        megabytes(retained),
    )
}

/// The most of the log that was retained, and the memory once the load had settled and at the end.
struct Unread {
    retained: u64,
    early: u64,
    late: u64,
}

async fn leave_unread(context: &Context, watch: &Watch) -> Result<Unread, Failure> {
    let began = Instant::now();
    let mut unread = Unread { retained: 0, early: 0, late: 0 };
    while began.elapsed() < UNREAD {
        sleep(Duration::from_millis(100)).await;
        for slot in context.slots(2).await? {
            let position = u64::from(context.scratch.current_wal_lsn().await?);
            let confirmed = slot.confirmed_flush_lsn.map_or(0, u64::from);
            unread.retained = unread.retained.max(position.saturating_sub(confirmed));
        }
        unread.late = watch.memory()?.resident;
        if began.elapsed() < UNREAD / 3 {
            unread.early = unread.late;
        }
    }
    Ok(unread)
}

/// One item with all the rows is there, and no second one.
async fn take_one(feed: &mut Feed, rows: u64) -> Result<(), Failure> {
    let item = feed.next_item().await?;
    let counts: Vec<_> = item.changes().iter().map(|change| change.count).collect();
    ensure!(counts == [rows], "{rows} rows were inserted, and the item is {item:?}");
    let second = tokio::time::timeout(Duration::from_millis(500), feed.next()).await;
    ensure!(second.is_err(), "there is a second item: {second:?}");
    Ok(())
}

/// Reads all that the program has to say. Its lines before the pipe was full are single commits.
async fn read_up(context: &Context, watch: &mut Watch, rows: u64) -> Result<usize, Failure> {
    let tally = context.tally(watch).await?;
    tally.ensure_exactly(&[("public.t", rows)])?;
    ensure!((tally.batches as u64) < rows / 50, "it never stood still: {} lines", tally.batches);
    Ok(tally.batches)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to show")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MB as f64
}

const UNREAD: Duration = Duration::from_secs(10);
const MB: u64 = 1 << 20;
/// Some 4 MB of log per second: enough to show what is retained, little enough for a busy machine to
/// decode at that pace.
const FIFTY_ROWS: &str = "INSERT INTO t (filler)
    SELECT repeat(md5(n::text), 20) FROM generate_series(1, 50) n, pg_sleep(0.01)";
