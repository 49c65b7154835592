//! The size of a row is the server's affair.
//!
//! Seen to fail: with all bytes that arrive kept in a buffer.

use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Figure, Need, Plugins, Shape};

use super::a_million_rows_are_one_event::ensure_small;

pub(super) const CLAIM: Claim = Claim {
    name: "a_huge_row_in_constant_memory",
    title: "a row of 200 MB",
    claim: "A row of 200 MB is told like any other, by a process that stays below 32 MB.",
    falsified_by: "silence, a Resync, or more memory",
    proves: &["R3", "R5"],
    plugins: Plugins::Each,
    needs: &[Need::ForTests("it writes rows of up to 200 MB"), Need::ProcessMemory],
    run: |context| Box::pin(a_huge_row_in_constant_memory(context)),
};

async fn a_huge_row_in_constant_memory(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE attic (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, junk text)").await?;
    let mut watch = context.watch(&[]).await?;
    let mut peaks = Vec::new();
    for megabytes in SIZES {
        let row = format!("INSERT INTO attic (junk) VALUES (repeat('0123456789abcdef', {megabytes} << 16))");
        context.sql(&row).await?;
        context.tally(&mut watch).await?.ensure_exactly(&[("public.attic", 1)])?;
        let memory = watch.memory()?;
        ensure_small(memory)?;
        peaks.push((f64::from(megabytes), megabytes_of(memory.peak)));
    }
    let largest = context.scratch.query_one_text("SELECT max(octet_length(junk)) FROM attic").await?;
    let peak = ensure_small(watch.memory()?)?;
    let figure = Figure::new(
        "Memory against the size of a row",
        Shape::Doubling,
        ["size of the row, MB", "resident memory, MB"],
        "What `pgnudge watch` had resident at most by the time a row of that size was told.",
    );
    let evidence = evidence!("a row of {largest} bytes told like any other; {peak} MB resident at most");
    evidence.map(|evidence: Evidence| evidence.drawn(figure.with("pgnudge watch", peaks)))
}

#[expect(clippy::cast_precision_loss, reason = "a figure to show")]
fn megabytes_of(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// In MB.
const SIZES: [u32; 6] = [1, 4, 16, 64, 128, 200];
