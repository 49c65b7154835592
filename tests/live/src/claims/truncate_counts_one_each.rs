//! TRUNCATE names its tables, all of them.
//!
//! Seen to fail: with a grammar that keeps only the first table of test_decoding's list.

use crate::context::connected;
use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "truncate_counts_one_each",
    title: "TRUNCATE of several tables",
    claim: "A TRUNCATE counts 1 for each of its tables, those included that CASCADE adds.",
    falsified_by: "a table that is missing, or another count",
    proves: &["R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(truncate_counts_one_each(context)),
};

async fn truncate_counts_one_each(context: Context) -> Result<Evidence, Failure> {
    context.sql(TABLES).await?;
    let mut feed = connected(whole_transactions(context.builder())).await?;
    context.sql("TRUNCATE a, b, \"c, d\"").await?;
    let several = context.tally(&mut feed).await?;
    several.ensure_exactly(&[("public.a", 1), ("public.b", 1), ("public.c, d", 1)])?;
    context.sql("TRUNCATE parent CASCADE").await?;
    let cascade = context.tally(&mut feed).await?;
    cascade.ensure_exactly(&[("public.parent", 1), ("public.child", 1)])?;
    evidence!("three tables: {several}; with CASCADE: {cascade}")
}

/// With rows in them, or without: TRUNCATE is one change.
const TABLES: &str = "CREATE TABLE a AS SELECT generate_series(1, 100);
    CREATE TABLE b (id int);
    CREATE TABLE \"c, d\" (id int);
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (id int REFERENCES parent);";
