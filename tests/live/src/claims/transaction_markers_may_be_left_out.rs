//! Without the messages for BEGIN and COMMIT nothing of what was promised gets lost but the wholeness of
//! transactions.
//!
//! What the plugin prints is asked of the plugin itself, with the options that the feed's walsender was given.
//!
//! Seen to fail: with changes that are not taken for unfinished transactions (a position before the COMMIT), or that
//! tell no transaction (old reads); with a filter on the server in spite of `partition_root`, and with tables that
//! are looked up once (a silent root).

use std::time::Duration;

use pgnudge::{Feed, FeedBuilder};

use crate::consumer::Consumer;
use crate::context::{connected, streaming};
use crate::evidence::{ensure, evidence};
use crate::tally::Tally;
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

use super::lsn_is_after_the_commit::position;

pub(super) const CLAIM: Claim = Claim {
    name: "transaction_markers_may_be_left_out",
    title: "without transaction markers",
    claim: "With transaction_markers(false) counts are exact, a refetch made at once sees what it was nudged for, \
            positions are behind the COMMIT, new partitions nudge their root, and a table without replica identity \
            nudges by a resync; and where the server filters, wal2json prints nothing for transactions of other tables.",
    falsified_by: "another count, an old read, a position before the COMMIT, a silent root, a missing resync, or a \
                   message for a transaction of another table",
    proves: &["R3", "R8", "R13"],
    plugins: Plugins::Wal2Json,
    needs: &[Need::ForTests("it commits as fast as it can")],
    run: |context| Box::pin(transaction_markers_may_be_left_out(context)),
};

async fn transaction_markers_may_be_left_out(context: Context) -> Result<Evidence, Failure> {
    context.sql(TABLES).await?;
    let (refetches, parts) = all_is_seen(&context).await?;
    let nearest = positions_are_behind(&context).await?;
    partitions_nudge(&context).await?;
    without_identity(&context).await?;
    let (with, without) = (other_tables(&context, true).await?, other_tables(&context, false).await?);
    // With markers an autovacuum shows, too.
    ensure!(
        with >= 2 * OTHERS && without == 0,
        "for {OTHERS} transactions of others: {with} and {without} messages"
    );
    evidence!(
        "{refetches} refetches at once, none old, {parts} of them for a part of a transaction; positions behind the \
         COMMIT's begin by {nearest} bytes or more; {OTHERS} transactions of another table: {with} messages with \
         markers, {without} without"
    )
}

fn unmarked(context: &Context) -> FeedBuilder {
    context.builder().transaction_markers(false)
}

/// As it is to be used: with a filter that the server applies.
fn filtered(builder: FeedBuilder) -> FeedBuilder {
    builder.tables(["public.one", "public.many"]).partition_root(false)
}

/// A writer of small and large transactions; a reader that looks as soon as it is told. How often it did, and
/// how often a transaction had been told in part.
async fn all_is_seen(context: &Context) -> Result<(u32, u32), Failure> {
    let (writer, reader) = (context.scratch.connect().await?, context.scratch.connect().await?);
    let mut feed = connected(filtered(unmarked(context)).debounce(Duration::ZERO)).await?;
    let writing = tokio::spawn(async move {
        for n in 1..=SMALL {
            writer.execute("UPDATE one SET v = $1", &[&n]).await?;
            if n % EVERY == 0 {
                writer.execute("UPDATE many SET v = $1", &[&(n / EVERY)]).await?;
            }
        }
        Ok::<_, Failure>(())
    });
    let read = reader.prepare("SELECT (SELECT v FROM one), (SELECT min(v) FROM many)").await?;
    let (mut told, mut refetches, mut parts) = (Tally::default(), 0, 0);
    while told.sum() < ALL {
        let item = feed.next_item().await?;
        ensure!(item.resync_reason().is_none(), "not a batch but {item:?}");
        told.add(&item);
        let row = reader.query_one(&read, &[]).await?;
        let (one, many): (i32, i32) = (row.get(0), row.get(1));
        let due = (told.count("public.one"), told.count("public.many").div_ceil(ROWS));
        let seen = (u64::try_from(one)?, u64::try_from(many)?);
        ensure!(seen.0 >= due.0 && seen.1 >= due.1, "after {told} a refetch read {seen:?}");
        refetches += 1;
        parts += u32::from(told.count("public.many") % ROWS != 0);
    }
    writing.await??;
    told.ensure_exactly(&[("public.one", SMALL.unsigned_abs().into()), ("public.many", LARGE)])?;
    Ok((refetches, parts))
}

/// By how much at least.
async fn positions_are_behind(context: &Context) -> Result<u64, Failure> {
    // At once, for later a keepalive tells a position behind everything.
    let mut feed = connected(filtered(unmarked(context)).debounce(Duration::ZERO)).await?;
    let mut nearest = u64::MAX;
    for round in 1..=ROUNDS {
        context.sql(&format!("BEGIN; UPDATE many SET v = -1 WHERE id <= 10 * {round}")).await?;
        let before = position(context, "pg_current_wal_insert_lsn()").await?;
        context.sql("COMMIT").await?;
        let mut told = Tally::default();
        while told.sum() < 10 * round {
            let item = feed.next_item().await?;
            let (lsn, after) = (item.lsn().get(), position(context, "pg_current_wal_insert_lsn()").await?);
            ensure!(before < lsn && lsn <= after, "round {round}: {lsn} is not between {before} and {after}");
            nearest = nearest.min(lsn - before);
            told.add(&item);
        }
        told.ensure_exactly(&[("public.many", 10 * round)])?;
    }
    Ok(nearest)
}

/// DDL does not show: what was no partition a moment ago may be one.
async fn partitions_nudge(context: &Context) -> Result<(), Failure> {
    let mut feed = connected(unmarked(context).tables(["public.root", "public.mark"])).await?;
    context.sql("CREATE TABLE leaf (id int); INSERT INTO leaf VALUES (1)").await?;
    context.tally(&mut feed).await?.ensure_exactly(&[])?;
    context.sql("CREATE TABLE root (id int) PARTITION BY LIST (id)").await?;
    context.sql("ALTER TABLE root ATTACH PARTITION leaf DEFAULT").await?;
    // It shows with the next item. Before, a change in the leaf is told by a resync.
    context.tally(&mut feed).await?.ensure_exactly(&[])?;
    context.sql("INSERT INTO leaf SELECT generate_series(2, 6)").await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.root", 5)])
}

/// Its UPDATE and DELETE tell no transaction.
async fn without_identity(context: &Context) -> Result<(), Failure> {
    let mut feed = connected(unmarked(context)).await?;
    context.sql("INSERT INTO keyless VALUES (1), (2), (3)").await?;
    context.tally(&mut feed).await?.ensure_exactly(&[("public.keyless", 3)])?;
    context.sql("UPDATE keyless SET id = -id").await?;
    feed.resync("reconnected").await?;
    for _ in 0..10 {
        context.sql("UPDATE keyless SET id = -id").await?;
    }
    context.tally(&mut feed).await?.ensure_exactly(&[("public.keyless", 30)])
}

/// How many messages the plugin prints for transactions of another table.
async fn other_tables(context: &Context, markers: bool) -> Result<u64, Failure> {
    let feed = connected(filtered(context.builder().transaction_markers(markers))).await?;
    let options = options(context, &feed).await?;
    let (session, slot) = (context.scratch.connect().await?, format!("{}_other", context.scratch.name()));
    session.query_one("SELECT pg_create_logical_replication_slot($1, 'wal2json', true)", &[&slot]).await?;
    for _ in 0..OTHERS {
        context.sql("INSERT INTO other VALUES (1)").await?;
    }
    let count = format!("SELECT count(*) FROM pg_logical_slot_peek_changes($1, NULL, NULL, {options})");
    let count: i64 = session.query_one(&count, &[&slot]).await?.get(0);
    session.query_one("SELECT pg_drop_replication_slot($1)", &[&slot]).await?;
    Ok(count.try_into()?)
}

/// The options in the command that the feed's walsender runs, as SQL has them.
async fn options(context: &Context, feed: &Feed) -> Result<String, Failure> {
    let (_, pid) = streaming(feed)?;
    let command = format!("SELECT query FROM pg_stat_activity WHERE pid = {pid}");
    let command = context.scratch.query_one_text(&command).await?;
    let options = command.split_once('(').and_then(|(_, options)| options.strip_suffix(')'));
    let options = options.ok_or_else(|| Failure::new(format!("no options in {command}")))?;
    Ok(options.replace('"', "'").replace("' '", "', '"))
}

const TABLES: &str = "
    CREATE TABLE one (id int PRIMARY KEY, v int); INSERT INTO one VALUES (1, 0);
    CREATE TABLE many (id int PRIMARY KEY, v int); INSERT INTO many SELECT generate_series(1, 500), 0;
    CREATE TABLE other (id int); CREATE TABLE keyless (id int)";
/// Transactions of one row, and one of all `ROWS` of the other table after each of so many.
const SMALL: i32 = 2_000;
const EVERY: i32 = 20;
const ROWS: u64 = 500;
const LARGE: u64 = 100 * ROWS;
const ALL: u64 = 2_000 + LARGE;
const ROUNDS: u64 = 40;
const OTHERS: u64 = 50;
