//! The size of a row is the server's affair.
//!
//! Seen to fail: with all bytes that arrive kept in a buffer.

use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

use super::a_million_rows_are_one_event::ensure_small;

pub(super) const CLAIM: Claim = Claim {
    name: "a_huge_row_in_constant_memory",
    title: "a row of 200 MB",
    claim: "A row of 200 MB is told like any other, by a process that stays below 32 MB.",
    falsified_by: "silence, a Resync, or more memory",
    proves: &["R3", "R5"],
    plugins: Plugins::Each,
    needs: &[Need::ProcessMemory],
    run: |context| Box::pin(a_huge_row_in_constant_memory(context)),
};

async fn a_huge_row_in_constant_memory(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE attic (id int PRIMARY KEY, junk text)").await?;
    let mut watch = context.watch(&[]).await?;
    context.sql("INSERT INTO attic VALUES (1, repeat('0123456789', 20 * 1024 * 1024))").await?;
    let bytes = context.scratch.query_one_text("SELECT octet_length(junk) FROM attic").await?;
    context.tally(&mut watch).await?.ensure_exactly(&[("public.attic", 1)])?;
    let peak = ensure_small(watch.memory()?)?;
    evidence!("a row of {bytes} bytes told; {peak} MB resident at most")
}
