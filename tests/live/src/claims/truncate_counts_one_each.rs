//! TRUNCATE names its tables, all of them, and its partitions too.
//!
//! Seen to fail: with a grammar that keeps only the first table of test_decoding's list; with counts of
//! partitions that add up in the tables above them, as those of rows do (5 on the root for a TRUNCATE of it).

use crate::context::connected;
use crate::evidence::evidence;
use crate::tally::Tally;
use crate::{Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "truncate_counts_one_each",
    title: "TRUNCATE of several tables",
    claim: "A TRUNCATE counts 1 for each of its tables, those included that CASCADE adds, and 1 for every \
            partitioned table above one of them.",
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
    let partitions = partitions(&context).await?;
    evidence!("three tables: {several}; with CASCADE: {cascade}; of nested partitions {partitions}")
}

/// Statements on a tree of partitions: of all of it, of parts, of the same in one window, with rows beside.
async fn partitions(context: &Context) -> Result<Tally, Failure> {
    context.sql(TREE).await?;
    let mut feed = connected(whole_transactions(context.builder())).await?;
    let all = [("root", 1), ("leaf1", 1), ("middle", 1), ("leaf2", 1), ("leaf3", 1)];
    for (statements, expected) in [
        ("TRUNCATE root", &all[..]),
        ("TRUNCATE middle", &[("middle", 1), ("leaf2", 1), ("leaf3", 1), ("root", 1)]),
        ("TRUNCATE leaf2", &[("leaf2", 1), ("middle", 1), ("root", 1)]),
        ("TRUNCATE leaf1, leaf3", &[("leaf1", 1), ("leaf3", 1), ("middle", 1), ("root", 1)]),
        ("TRUNCATE leaf3, root, child CASCADE", &[&all[..], &[("child", 1)]].concat()),
        ("BEGIN; TRUNCATE root; TRUNCATE root; COMMIT", &all.map(|(table, _)| (table, 2))),
        (
            "BEGIN; INSERT INTO root VALUES (1, 0), (2, 0); TRUNCATE root; TRUNCATE leaf1; \
             INSERT INTO root VALUES (2, 0); COMMIT",
            &[("root", 5), ("leaf1", 3), ("middle", 3), ("leaf2", 3), ("leaf3", 1)],
        ),
        ("TRUNCATE ONLY heir_of", &[("heir_of", 1)]),
        ("TRUNCATE heir_of", &[("heir_of", 1), ("heir", 1)]),
        // A row that moves is deleted in one partition and inserted in the other.
        (
            "INSERT INTO root VALUES (1, 0); UPDATE root SET k = 2 WHERE k = 1",
            &[("root", 3), ("leaf1", 2), ("middle", 1), ("leaf2", 1)],
        ),
    ] {
        context.sql(statements).await?;
        let tally = context.tally(&mut feed).await?;
        let expected: Vec<_> =
            expected.iter().map(|(table, count)| (format!("public.{table}"), *count)).collect();
        let expected: Vec<_> = expected.iter().map(|(table, count)| (table.as_str(), *count)).collect();
        tally.ensure_exactly(&expected).map_err(|failure| failure.within(statements))?;
    }
    context.sql("TRUNCATE root").await?;
    context.tally(&mut feed).await
}

/// With rows in them, or without: TRUNCATE is one change.
const TABLES: &str = "CREATE TABLE a AS SELECT generate_series(1, 100);
    CREATE TABLE b (id int);
    CREATE TABLE \"c, d\" (id int);
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (id int REFERENCES parent);";

/// And a table with one that inherits from it, which is no partition.
const TREE: &str = "CREATE TABLE root (k int, v int) PARTITION BY LIST (k);
    CREATE TABLE leaf1 PARTITION OF root FOR VALUES IN (1);
    CREATE TABLE middle PARTITION OF root FOR VALUES IN (2) PARTITION BY RANGE (v);
    CREATE TABLE leaf2 PARTITION OF middle FOR VALUES FROM (0) TO (10);
    CREATE TABLE leaf3 PARTITION OF middle FOR VALUES FROM (10) TO (20);
    CREATE TABLE heir_of (id int);
    CREATE TABLE heir () INHERITS (heir_of)";
