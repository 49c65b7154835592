//! A statement on a million rows costs an entry of one table, not a queue.
//!
//! Seen to fail: with all bytes that arrive kept in a buffer.

use pgnudge_testkit::Memory;

use crate::consumer::Consumer;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_million_rows_are_one_event",
    title: "a million rows in constant memory",
    claim: "A statement that inserts 1,000,000 rows into one table is told with counts that sum to exactly \
            1,000,000, without an overflow, by a process that stays below 32 MB.",
    falsified_by: "another sum, a Resync, a batch that names the table twice, or more memory",
    proves: &["R3", "R5"],
    plugins: Plugins::Each,
    needs: &[Need::ForTests("it writes a million rows"), Need::ProcessMemory],
    run: |context| Box::pin(a_million_rows_are_one_event(context)),
};

async fn a_million_rows_are_one_event(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE big (id int PRIMARY KEY)").await?;
    let mut watch = context.watch(&[]).await?;
    context.sql("INSERT INTO big SELECT generate_series(1, 1000000)").await?;
    let (mut told, mut batches) = (0, 0);
    while told < 1_000_000 {
        let item = watch.next_item().await?;
        let [change] = item.changes() else {
            return Err(Failure::new(format!("{told} rows were told, and then came {item:?}")));
        };
        told += change.count;
        batches += 1;
    }
    context.tally(&mut watch).await?.ensure_exactly(&[])?;
    ensure!(told == 1_000_000, "{told} rows were told");
    let peak = ensure_small(watch.memory()?)?;
    evidence!("1,000,000 rows, told as {told} in {batches} events; {peak} MB resident at most")
}

/// The peak in MB, unless it is 32 or more.
pub(super) fn ensure_small(memory: Memory) -> Result<u64, Failure> {
    let peak = memory.peak.div_ceil(1 << 20);
    ensure!(peak < 32, "it had {peak} MB resident");
    Ok(peak)
}
