//! A table has one name, whatever it is and whoever prints it.
//!
//! Seen to fail: with doubled quotes left in test_decoding's identifiers.

use pgnudge::{Feed, Plugin, PluginChoice};

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Change, Claim, Context, Evidence, Failure, Plugins};

use super::counts_are_exact::whole_transactions;

pub(super) const CLAIM: Claim = Claim {
    name: "names_are_identical_on_both_plugins",
    title: "odd names",
    claim: "Schemas and tables with dots, quotes, commas, spaces, newlines, Unicode or the plugins' own words in \
            their names are told raw, exactly, and identically by both plugins.",
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
    let tables = || SCHEMAS.into_iter().flat_map(|schema| TABLES.map(|table| (schema, table)));
    for (schema, table) in tables() {
        let name = format!("{}.{}", quoted(schema), quoted(table));
        context.sql(&format!("CREATE TABLE {name} (id int)")).await?;
    }
    let mut by_test_decoding = feed(&context, Plugin::TestDecoding).await?;
    let mut by_wal2json = feed(&context, Plugin::Wal2Json).await?;
    for (schema, table) in tables() {
        let name = format!("{}.{}", quoted(schema), quoted(table));
        let change = format!("INSERT INTO {name} VALUES (1), (2)");
        compare(&context, &change, (schema, table, 2), &mut by_test_decoding, &mut by_wal2json).await?;
        // Without a key, so that wal2json speaks of these in notices.
        let change = format!("BEGIN; UPDATE {name} SET id = 3; DELETE FROM {name}; TRUNCATE {name}; COMMIT");
        compare(&context, &change, (schema, table, 5), &mut by_test_decoding, &mut by_wal2json).await?;
    }
    let (tables, names) = (tables().count(), TABLES.len() + SCHEMAS.len());
    evidence!(
        "{tables} tables with {names} odd names, each changed in four ways: told raw, the same by both plugins"
    )
}

async fn feed(context: &Context, plugin: Plugin) -> Result<Feed, Failure> {
    connected(whole_transactions(context.builder_for(PluginChoice::Only(plugin)))).await
}

/// Makes a change, and checks what both tell of it.
async fn compare(
    context: &Context,
    change: &str,
    (schema, table, count): (&str, &str, u64),
    first: &mut Feed,
    second: &mut Feed,
) -> Result<(), Failure> {
    let payload = format!("{schema}.{table}");
    let [schema, table] = [schema, table].map(str::to_owned);
    let expected = Change { payload, schema, table, count, first_seen: String::new(), pk: None };
    context.sql(change).await?;
    for (plugin, feed) in [(Plugin::TestDecoding, first), (Plugin::Wal2Json, second)] {
        let told = feed.next_item().await?;
        let told = told.changes();
        ensure!(*told == [expected.clone()], "{change:?}: {plugin} told {told:?}, not {expected:?}");
    }
    Ok(())
}

/// An identifier as SQL wants it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

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
