//! A table without primary key nudges for UPDATE and DELETE, though wal2json does not print them.
//!
//! Seen to fail: with wal2json, without `SET client_min_messages` on the session.

use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "keyless_tables_nudge",
    title: "tables without primary key",
    claim: "UPDATE and DELETE on a table without primary key nudge, with exact counts, also for a role that has \
            client_min_messages set to error.",
    falsified_by: "silence, or another count",
    proves: &["R8", "R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(keyless_tables_nudge(context)),
};

async fn keyless_tables_nudge(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE keyless AS SELECT generate_series(1, 10) AS id").await?;
    change(&context).await?;
    // Tied to the database, it goes with it.
    let database = context.scratch.name();
    context.sql(&format!("ALTER DATABASE {database} SET client_min_messages = 'error'")).await?;
    change(&context).await?;
    evidence!("3 rows updated and 2 deleted: 5 told, by default and with client_min_messages=error")
}

async fn change(context: &Context) -> Result<(), Failure> {
    let mut feed = context.feed().await?;
    context.sql("UPDATE keyless SET id = -id WHERE ctid IN (SELECT ctid FROM keyless LIMIT 3)").await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.keyless", 3)])?;
    context.sql("DELETE FROM keyless WHERE ctid IN (SELECT ctid FROM keyless LIMIT 2)").await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.keyless", 2)])
}
