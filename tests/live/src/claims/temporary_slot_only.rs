//! All that a feed puts on the server is one temporary slot.
//!
//! Seen to fail: with TEMPORARY left out of CREATE_REPLICATION_SLOT; with a publication made between the
//! two looks.

use crate::consumer::Consumer;
use crate::context::streaming;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "temporary_slot_only",
    title: "one temporary slot, and nothing else",
    claim: "While a feed streams the server has one temporary slot more, and once it is dropped nothing more; \
            the catalogs never change.",
    falsified_by: "a slot that is not temporary, a second slot, one that stays, or another row in a catalog",
    proves: &["R11", "law 3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(temporary_slot_only(context)),
};

async fn temporary_slot_only(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int PRIMARY KEY)").await?;
    let before = context.scratch.query_one_text(CATALOGS).await?;
    let mut feed = context.feed().await?;
    let (name, pid) = streaming(&feed)?;
    let slot = context.slots(1).await?.remove(0);
    ensure!(slot.temporary, "{slot:?} is not temporary");
    ensure!(slot.name == name && slot.active_pid == Some(pid), "{slot:?} is not {name} of process {pid}");
    context.sql("INSERT INTO t VALUES (1)").await?;
    ensure!(feed.next_item().await?.changes().len() == 1, "the insertion was not told");
    let during = context.scratch.query_one_text(CATALOGS).await?;
    ensure!(during == before, "the catalogs were {before}, and are {during} while a feed streams");
    drop(feed);
    context.nothing_left().await?;
    let after = context.scratch.query_one_text(CATALOGS).await?;
    ensure!(after == before, "the catalogs were {before}, and are {after} after a feed");
    let catalogs = before.split(", ").count();
    evidence!("{name} was temporary and is gone; {catalogs} catalogs are the same before, during and after")
}

/// The rows of the catalogs in which objects would show: how many, and which.
const CATALOGS: &str = "
    SELECT string_agg(format('%s %s (%s)', catalog, rows, left(md5(oids), 6)), ', ') FROM (
        SELECT 'pg_class' AS catalog, count(*) AS rows, string_agg(oid::text, ',' ORDER BY oid) AS oids FROM pg_class
        UNION ALL SELECT 'pg_proc', count(*), string_agg(oid::text, ',' ORDER BY oid) FROM pg_proc
        UNION ALL SELECT 'pg_type', count(*), string_agg(oid::text, ',' ORDER BY oid) FROM pg_type
        UNION ALL SELECT 'pg_trigger', count(*), coalesce(string_agg(oid::text, ',' ORDER BY oid), '') FROM pg_trigger
        UNION ALL SELECT 'pg_event_trigger', count(*), coalesce(string_agg(oid::text, ',' ORDER BY oid), '') FROM pg_event_trigger
        UNION ALL SELECT 'pg_publication', count(*), coalesce(string_agg(oid::text, ',' ORDER BY oid), '') FROM pg_publication
        UNION ALL SELECT 'pg_extension', count(*), string_agg(oid::text, ',' ORDER BY oid) FROM pg_extension
        UNION ALL SELECT 'pg_replication_origin', count(*), coalesce(string_agg(roident::text, ',' ORDER BY roident), '') FROM pg_replication_origin
    ) AS catalogs";
