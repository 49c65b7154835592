//! TimescaleDB keeps the rows of a hypertable in chunks, which are no partitions to PostgreSQL.
//!
//! It was not tried with TimescaleDB: the tables here imitate its own, by their names, by inheritance, and by the
//! part of its catalog that `docs/timescaledb.md` reads in the same way.
//!
//! Seen to fail: with a filter that the server applies (`server_filter` in the supervisor; wal2json), with one that
//! turns chunks away before they have their names (`may_be_a_partition` in the intake), and with a callback
//! that is not asked (`Inspection::name`).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use pgnudge::{FeedBuilder, Payload, Plugin, Session, SessionKind, TableName};

use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins, Variant};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "chunks_nudge_their_hypertable",
    title: "chunks under their hypertable",
    claim: "With a callback that names the parents of tables, a change in a chunk nudges the chunk and its \
            hypertable, with counts that add up and with keys; also in chunks that are made later, with a filter \
            on the hypertable, and whether partitions are looked up or not.",
    falsified_by: "a hypertable that is silent, another count, or a table of another schema that is taken for a chunk",
    proves: &["R3"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(chunks_nudge_their_hypertable(context)),
};

async fn chunks_nudge_their_hypertable(context: Context) -> Result<Evidence, Failure> {
    context.sql(HYPERTABLE).await?;
    let hypertables = Hypertables::default();
    hypertables.read(&context).await?;
    let builder = || hypertables.name_parents(context.builder());
    let only = |builder: FeedBuilder| builder.tables(["public.metrics", "public.mark"]);
    let mut all = connected(whole_transactions(builder())).await?;
    let mut parent = connected(only(builder())).await?;
    let mut unasked = connected(only(builder()).partition_root(false)).await?;
    one_by_one(&context, LATER).await?;
    context.sql(CHUNKS).await?;
    let told = context.tally(&mut all).await?;
    told.ensure_exactly(&[
        ("_timescaledb_internal._hyper_1_1_chunk", 8),
        ("_timescaledb_internal._hyper_1_3_chunk", 5),
        ("_timescaledb_internal._hyper_1_2_chunk", 1),
        ("public._hyper_1_1_chunk", 1),
        ("public.metrics", 14),
    ])?;
    for feed in [&mut parent, &mut unasked] {
        context.tally(feed).await?.ensure_exactly(&[("public.metrics", 14)])?;
    }
    let keys = match context.variant {
        Variant::Plugin(Plugin::Wal2Json) => rows(&context, only(builder())).await?,
        _ => "this plugin tells none",
    };
    another(&context, &hypertables).await?;
    evidence!("{told}; by a filter on the hypertable, with and without partition_root: 14; keys: {keys}")
}

/// Each statement in a transaction of its own: DDL beside rows in one transaction is a resync.
async fn one_by_one(context: &Context, sql: &str) -> Result<(), Failure> {
    for statement in sql.split_terminator(';') {
        context.sql(statement).await?;
    }
    Ok(())
}

/// Rows of chunks, by key, in the hypertable.
async fn rows(context: &Context, only: FeedBuilder) -> Result<&'static str, Failure> {
    let mut rows = connected(only.payload(Payload::PrimaryKey)).await?;
    context.sql("UPDATE metrics SET v = 2; DELETE FROM metrics WHERE device = 3").await?;
    let told = context.tally(&mut rows).await?;
    told.ensure_exactly(&[("public.metrics:1,2", 1), ("public.metrics:1,3", 2), ("public.metrics:2,2", 1)])?;
    Ok("told as rows of the hypertable")
}

/// A hypertable that is made later: its row in the catalog nudges, and from then on it is known.
async fn another(context: &Context, hypertables: &Hypertables) -> Result<(), Failure> {
    let mut all = connected(whole_transactions(hypertables.name_parents(context.builder()))).await?;
    one_by_one(context, ANOTHER).await?;
    let told = context.tally(&mut all).await?;
    ensure!(told.count("_timescaledb_catalog.hypertable") == 1, "the catalog is silent: {told}");
    hypertables.read(context).await?;
    context.sql("INSERT INTO _timescaledb_internal.own_prefix_4_chunk VALUES (1, 1, 0)").await?;
    let told = context.tally(&mut all).await?;
    told.ensure_exactly(&[("_timescaledb_internal.own_prefix_4_chunk", 1), ("public.Odd.metrics", 1)])
}

/// Schema and prefix of chunks, and the hypertable that they are of.
#[derive(Clone, Default)]
struct Hypertables(Arc<RwLock<HashMap<TableName, TableName>>>);

impl Hypertables {
    async fn read(&self, context: &Context) -> Result<(), Failure> {
        let mut session = Session::connect(&context.dsn(), SessionKind::Sql).await?;
        let rows = session
            .query(
                "SELECT associated_schema_name, associated_table_prefix, schema_name, table_name \
                 FROM _timescaledb_catalog.hypertable",
            )
            .await?;
        let hypertables = rows.iter().filter_map(|row| match row.as_slice() {
            [Some(schema), Some(prefix), Some(of_schema), Some(of)] => {
                Some((TableName::new(schema, prefix), TableName::new(of_schema, of)))
            }
            _ => None,
        });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = hypertables.collect();
        Ok(())
    }

    fn name_parents(&self, builder: FeedBuilder) -> FeedBuilder {
        let hypertables = self.clone();
        builder.parent_of(move |table| hypertables.of(table))
    }

    fn of(&self, chunk: &TableName) -> Option<TableName> {
        let (prefix, _number) = chunk.table().strip_suffix("_chunk")?.rsplit_once('_')?;
        let hypertables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        hypertables.get(&TableName::new(chunk.schema(), prefix)).cloned()
    }
}

const HYPERTABLE: &str = "CREATE SCHEMA _timescaledb_internal;
    CREATE SCHEMA _timescaledb_catalog;
    CREATE TABLE _timescaledb_catalog.hypertable (id int PRIMARY KEY, schema_name name, table_name name,
        associated_schema_name name, associated_table_prefix name);
    GRANT USAGE ON SCHEMA _timescaledb_catalog TO PUBLIC;
    GRANT SELECT ON _timescaledb_catalog.hypertable TO PUBLIC;
    CREATE TABLE metrics (time int, device int, v float, PRIMARY KEY (time, device));
    INSERT INTO _timescaledb_catalog.hypertable VALUES (1, 'public', 'metrics', '_timescaledb_internal', '_hyper_1');
    CREATE TABLE _timescaledb_internal._hyper_1_1_chunk (PRIMARY KEY (time, device)) INHERITS (metrics);";

/// Made while feeds look on. Chunk 2 is a plain table.
const LATER: &str =
    "CREATE TABLE _timescaledb_internal._hyper_1_3_chunk (PRIMARY KEY (time, device)) INHERITS (metrics);
    CREATE TABLE _timescaledb_internal._hyper_1_2_chunk (LIKE metrics INCLUDING ALL);
    CREATE TABLE public._hyper_1_1_chunk (id int);";

/// An UPDATE or DELETE of the hypertable is one of its chunks.
const CHUNKS: &str =
    "INSERT INTO _timescaledb_internal._hyper_1_1_chunk VALUES (1, 1, 0), (1, 2, 0), (1, 3, 0);
    INSERT INTO _timescaledb_internal._hyper_1_3_chunk VALUES (2, 1, 0), (2, 2, 0);
    UPDATE metrics SET v = 1;
    UPDATE metrics SET v = 2 WHERE time = 1 AND device = 2;
    DELETE FROM metrics WHERE device = 1;
    INSERT INTO _timescaledb_internal._hyper_1_2_chunk VALUES (3, 1, 0);
    INSERT INTO public._hyper_1_1_chunk VALUES (1);";

/// With names of its own.
const ANOTHER: &str = r#"CREATE TABLE "Odd.metrics" (time int, device int, v float);
    INSERT INTO _timescaledb_catalog.hypertable
        VALUES (2, 'public', 'Odd.metrics', '_timescaledb_internal', 'own_prefix');
    CREATE TABLE _timescaledb_internal.own_prefix_4_chunk () INHERITS ("Odd.metrics");"#;
