//! What is rolled back was never there.
//!
//! Seen to fail: with COMMIT in place of a ROLLBACK.

use crate::context::connected;
use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "only_committed_work_nudges",
    title: "rollback and savepoint",
    claim: "Rolled-back transactions and rolled-back savepoints tell nothing, and the rest of their transactions is \
            counted exactly; so is nothing of a transaction that is still open.",
    falsified_by: "an event of rolled-back or open work, or another count",
    proves: &["R10", "R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(only_committed_work_nudges(context)),
};

async fn only_committed_work_nudges(context: Context) -> Result<Evidence, Failure> {
    for table in ["never", "kept", "big"] {
        context.sql(&format!("CREATE TABLE {table} (id int)")).await?;
    }
    let mut feed = connected(whole_transactions(context.builder())).await?;
    context.sql("BEGIN; INSERT INTO never SELECT generate_series(1, 100); ROLLBACK").await?;
    context.sql(SAVEPOINTS).await?;
    // Large enough to be spilled to disk while it is decoded.
    context.sql("BEGIN; INSERT INTO big SELECT generate_series(1, 10000); ROLLBACK").await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.kept", 3)])?;

    let open = context.scratch.connect().await?;
    open.batch_execute("BEGIN; INSERT INTO big VALUES (1)").await?;
    context.tally(&mut feed).await?.ensure_exactly(&[])?;
    open.batch_execute("COMMIT").await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.big", 1)])?;
    evidence!(
        "10,102 rows rolled back or still open: 0 told; 3 kept around a savepoint, and 1 at its late COMMIT: told"
    )
}

const SAVEPOINTS: &str = "BEGIN;
    INSERT INTO kept VALUES (1);
    SAVEPOINT s; INSERT INTO never VALUES (1); ROLLBACK TO s;
    INSERT INTO kept VALUES (2);
    SAVEPOINT r; INSERT INTO kept VALUES (3); RELEASE r;
    SAVEPOINT q; INSERT INTO never VALUES (2); ROLLBACK TO q;
    COMMIT";
