//! Two-phase commit tells at COMMIT PREPARED.
//!
//! Seen to fail: with a plain COMMIT in place of PREPARE TRANSACTION.

use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "prepared_transactions_nudge_at_commit",
    title: "two-phase commit",
    claim: "A prepared transaction tells nothing until COMMIT PREPARED, and then all of it; after ROLLBACK PREPARED \
            nothing.",
    falsified_by: "an event before COMMIT PREPARED or after ROLLBACK PREPARED, or another count",
    proves: &["R10"],
    plugins: Plugins::Each,
    needs: &[
        Need::Alone("a prepared transaction would outlive a crash of this run"),
        Need::PreparedTransactions,
    ],
    run: |context| Box::pin(prepared_transactions_nudge_at_commit(context)),
};

async fn prepared_transactions_nudge_at_commit(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int)").await?;
    // Names of prepared transactions are the whole server's.
    let [one, two] = ["one", "two"].map(|name| format!("'{}_{name}'", context.scratch.name()));
    let result = prepare_and_commit(&context, &one, &two).await;
    // One that stays would block every slot of the server, and keep the database.
    for name in [&one, &two] {
        context.sql(&format!("ROLLBACK PREPARED {name}")).await.ok();
    }
    result
}

async fn prepare_and_commit(context: &Context, one: &str, two: &str) -> Result<Evidence, Failure> {
    let mut feed = context.feed().await?;
    let prepare =
        |name| format!("BEGIN; INSERT INTO t SELECT generate_series(1, 7); PREPARE TRANSACTION {name}");
    context.sql(&prepare(one)).await?;
    context.sql(&prepare(two)).await?;
    context.tally(&mut feed).await?.ensure_exactly(&[])?;
    context.sql(&format!("ROLLBACK PREPARED {two}")).await?;
    context.tally(&mut feed).await?.ensure_exactly(&[])?;
    context.sql(&format!("COMMIT PREPARED {one}")).await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.t", 7)])?;
    evidence!("2 × 7 rows prepared: 0 told; one rolled back: 0; the other committed: 7")
}
