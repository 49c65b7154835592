//! Every row of every catalog, before, during and after.
//!
//! Replication slots and origins in use live in shared memory, and are looked at by name: there is the
//! one temporary slot while a feed streams, and no origin at any time. On a cluster of its own, because
//! roles, databases and settings belong to the whole server.
//!
//! Seen to fail: with a publication, a role's setting and a comment made between two looks.

use crate::catalogs::Catalogs;
use crate::consumer::Consumer;
use crate::context::streaming;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

use pgnudge_testkit::Cluster;

pub(super) const CLAIM: Claim = Claim {
    name: "the_catalogs_never_change",
    title: "not a row in any catalog",
    claim: "Connecting, streaming, looking partitions up, checking visibility, being terminated and coming back, and \
            leaving changes no row of any system catalog and no setting.",
    falsified_by: "a row or a setting that is new, gone or another than before",
    proves: &["law 3"],
    plugins: Plugins::Each,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(the_catalogs_never_change(context)),
};

async fn the_catalogs_never_change(context: Context) -> Result<Evidence, Failure> {
    let own = context.on_own_cluster(Cluster::builder().line("autovacuum = off")).await?;
    own.sql(TABLES).await?;
    let before = Catalogs::of(&own.scratch).await?;
    let mut feed = own.builder().visibility(pgnudge::Visibility::Always).messages(true).connect().await?;
    feed.resync("connected").await?;
    let mut watch = own.watch(&["--table", "public.*"]).await?;
    for _ in 0..2 {
        own.sql("INSERT INTO t VALUES (1); INSERT INTO parent VALUES (1)").await?;
        let tally = own.tally(&mut feed).await?;
        ensure!(tally.count("public.parent") == 1, "it told {tally}");
        watch.next_item().await?;
        unchanged(&own, &before, "while feeds stream").await?;
        own.slots(2).await?;
        own.scratch.terminate(streaming(&feed)?.1).await?;
        feed.resync("reconnected").await?;
    }
    drop((feed, watch));
    own.nothing_left().await?;
    unchanged(&own, &before, "after feeds").await?;
    let (catalogs, rows) = before.size();
    evidence!("{rows} rows of {catalogs} catalogs, settings among them: the same before, during and after")
}

async fn unchanged(own: &Context, before: &Catalogs, when: &str) -> Result<(), Failure> {
    let changes = Catalogs::of(&own.scratch).await?.since(before);
    ensure!(changes.is_empty(), "{when}: {}", changes.join("; "));
    let origins =
        own.scratch.query_one_text("SELECT count(*) FROM pg_show_replication_origin_status()").await?;
    ensure!(origins == "0", "{when} there are {origins} replication origins in use");
    Ok(())
}

const TABLES: &str = "CREATE TABLE t (id int);
    CREATE TABLE parent (id int) PARTITION BY LIST (id);
    CREATE TABLE child PARTITION OF parent DEFAULT";
