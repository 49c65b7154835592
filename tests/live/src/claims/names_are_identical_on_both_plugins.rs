//! A table has one name, whatever it is and whoever prints it.
//!
//! The worst that came to mind, and names that are thrown; of these the simplest that fails is told.
//!
//! Seen to fail: with doubled quotes left in test_decoding's identifiers.

use pgnudge::{Feed, Plugin, PluginChoice};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::block_in_place;

use crate::consistency::fresh_seed;
use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::names;
use crate::{Change, Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "names_are_identical_on_both_plugins",
    title: "odd names",
    claim: "Schemas and tables with dots, quotes, commas, spaces, newlines, Unicode, the plugins' own words or \
            anything else in their names are told raw, exactly, and identically by both plugins.",
    falsified_by: "a name that is not the one that was created, or that differs between the plugins",
    proves: &["R3", "R8"],
    plugins: Plugins::Compared,
    needs: &[],
    run: |context| Box::pin(names_are_identical_on_both_plugins(context)),
};

async fn names_are_identical_on_both_plugins(context: Context) -> Result<Evidence, Failure> {
    for schema in SCHEMAS {
        context.sql(&format!("CREATE SCHEMA {}", quoted(schema))).await?;
    }
    let mut feeds = Feeds::of(&context).await?;
    let tables = || SCHEMAS.into_iter().flat_map(|schema| TABLES.map(|table| (schema, table)));
    for (schema, table) in tables() {
        feeds.compare(&context, schema, table).await?;
    }
    let seed = fresh_seed();
    arbitrary(&context, feeds, seed)?;
    let (tables, names) = (tables().count(), TABLES.len() + SCHEMAS.len());
    evidence!(
        "{tables} tables with {names} odd names, and {THROWN} with arbitrary ones (seed {seed}), each changed in \
        four ways: told raw, the same by both plugins"
    )
}

/// Tables with arbitrary names, in schemas with arbitrary names.
fn arbitrary(context: &Context, feeds: Feeds, seed: u64) -> Result<(), Failure> {
    let feeds = Mutex::new(Some(feeds));
    let told_raw = async |schema: &str, table: &str| {
        let mut held = feeds.lock().await;
        // What failed before may have left items behind: then there are none to go on with.
        let mut feeds = match held.take() {
            Some(feeds) => feeds,
            None => Feeds::of(context).await?,
        };
        let schema_name = quoted(schema);
        context
            .sql(&format!("DROP SCHEMA IF EXISTS {schema_name} CASCADE; CREATE SCHEMA {schema_name}"))
            .await?;
        feeds.compare(context, schema, table).await?;
        *held = Some(feeds);
        Ok(())
    };
    let check =
        |schema: &str, table: &str| block_in_place(|| Handle::current().block_on(told_raw(schema, table)));
    names::check(seed, THROWN, check)
}

/// Both plugins, side by side.
struct Feeds {
    by_test_decoding: Feed,
    by_wal2json: Feed,
}

impl Feeds {
    async fn of(context: &Context) -> Result<Self, Failure> {
        let [by_test_decoding, by_wal2json] =
            [feed(context, Plugin::TestDecoding).await?, feed(context, Plugin::Wal2Json).await?];
        Ok(Self { by_test_decoding, by_wal2json })
    }

    /// Makes the table, changes it, and checks what both tell of it.
    async fn compare(&mut self, context: &Context, schema: &str, table: &str) -> Result<(), Failure> {
        let name = format!("{}.{}", quoted(schema), quoted(table));
        context.sql(&format!("CREATE TABLE {name} (id int)")).await?;
        let change = format!("INSERT INTO {name} VALUES (1), (2)");
        self.told(context, &change, (schema, table, 2)).await?;
        // Without a key, so that wal2json speaks of these in notices.
        let change = format!("BEGIN; UPDATE {name} SET id = 3; DELETE FROM {name}; TRUNCATE {name}; COMMIT");
        self.told(context, &change, (schema, table, 5)).await
    }

    async fn told(
        &mut self,
        context: &Context,
        change: &str,
        (schema, table, count): (&str, &str, u64),
    ) -> Result<(), Failure> {
        let payload = format!("{schema}.{table}");
        let [schema, table] = [schema, table].map(str::to_owned);
        let expected = Change { payload, schema, table, count, first_seen: String::new(), pk: None };
        context.sql(change).await?;
        let Self { by_test_decoding, by_wal2json } = self;
        for (plugin, feed) in [(Plugin::TestDecoding, by_test_decoding), (Plugin::Wal2Json, by_wal2json)] {
            let told = feed.next_item().await?;
            let told = told.changes();
            ensure!(*told == [expected.clone()], "{change:?}: {plugin} told {told:?}, not {expected:?}");
        }
        Ok(())
    }
}

async fn feed(context: &Context, plugin: Plugin) -> Result<Feed, Failure> {
    connected(whole_transactions(context.builder_for(PluginChoice::Only(plugin)))).await
}

/// An identifier as SQL wants it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// How many tables with arbitrary names.
const THROWN: u32 = 100;
const SCHEMAS: [&str; 4] = ["plain", "Mixed.Case", "with \"quotes\", and commas", "naïve 数据"];
const TABLES: [&str; 20] = [
    "plain",
    "MixedCase",
    "with.dot",
    "with space",
    " leading and trailing ",
    "quote\"d",
    "\"",
    "com,ma, and space",
    "new\nline",
    "carriage\r\nreturn",
    "tab\tand\u{1}control",
    "back\\slash\\",
    "'single'",
    "a: INSERT: id[integer]:1",
    "table public.t: TRUNCATE: (no-flags)",
    "{\"action\":\"I\",\"schema\":\"x\"}",
    "ünïcödé_表_🐘",
    "select",
    "1st",
    "sixty-three bytes are what PostgreSQL keeps of a table's name!",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ones_that_the_server_keeps_whole() {
        for name in SCHEMAS.iter().chain(&TABLES) {
            assert!(name.len() <= 63, "{name}");
        }
    }
}
