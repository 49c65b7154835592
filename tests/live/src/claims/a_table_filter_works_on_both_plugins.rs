//! A table filter means the same with both plugins, whether the server applies it or the feed does.
//!
//! Seen to fail: with a filter that lets everything through; with names that are not escaped for
//! wal2json.

use pgnudge::{Plugin, PluginChoice};

use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_table_filter_works_on_both_plugins",
    title: "table filters",
    claim: "With a table filter exactly the tables that match are told, by both plugins, whatever the pattern and \
            the change.",
    falsified_by: "a table that does not match, one that is missing, or a difference between the plugins",
    proves: &["R3", "R8"],
    plugins: Plugins::Compared,
    needs: &[],
    run: |context| Box::pin(a_table_filter_works_on_both_plugins(context)),
};

async fn a_table_filter_works_on_both_plugins(context: Context) -> Result<Evidence, Failure> {
    context.sql(TABLES).await?;
    for (patterns, expected) in FILTERS {
        // Marks are rows of a table, too.
        let patterns = patterns.iter().copied().chain(["public.mark"]);
        let mut told = Vec::new();
        for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
            let builder = context.builder_for(PluginChoice::Only(plugin)).tables(patterns.clone());
            let mut feed = connected(builder).await?;
            context.sql(CHANGES).await?;
            told.push(context.tally(&mut feed).await?);
        }
        let expected: Vec<_> = expected.iter().map(|&(table, count)| (table, count)).collect();
        for (plugin, tally) in ["test_decoding", "wal2json"].into_iter().zip(&told) {
            let place = || format!("{plugin} with {:?}", patterns.clone().collect::<Vec<_>>());
            tally.ensure_exactly(&expected).map_err(|failure| failure.within(place()))?;
        }
    }
    let refused = context.builder().tables(["orders"]).connect().await;
    ensure!(refused.is_err(), "a pattern without a schema is accepted");
    evidence!("{} filters, 4 changes of 6 tables each: both plugins told exactly what matches", FILTERS.len())
}

const TABLES: &str = r#"
    CREATE SCHEMA app; CREATE SCHEMA "Odd.Schema";
    CREATE TABLE public.orders (id int PRIMARY KEY);
    CREATE TABLE public.orders_archive (id int PRIMARY KEY);
    CREATE TABLE app.orders (id int);
    CREATE TABLE app.audit (id int);
    CREATE TABLE "Odd.Schema"."a, b" (id int);
    CREATE TABLE "Odd.Schema".orders (id int PRIMARY KEY);"#;

/// Each table is changed four times: INSERT, UPDATE, DELETE, TRUNCATE.
const CHANGES: &str = r#"
    DO $$ DECLARE name regclass; BEGIN
        FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relname <> 'mark'
            AND relnamespace IN ('public'::regnamespace, 'app'::regnamespace, '"Odd.Schema"'::regnamespace)
        LOOP
            EXECUTE format('INSERT INTO %s VALUES (1)', name);
            EXECUTE format('UPDATE %s SET id = 2', name);
            EXECUTE format('DELETE FROM %s', name);
            EXECUTE format('TRUNCATE %s', name);
        END LOOP;
    END $$"#;

/// Patterns, and what they let through.
type Filter = (&'static [&'static str], &'static [(&'static str, u64)]);

const FILTERS: [Filter; 5] = [
    (&["public.orders"], &[("public.orders", 4)]),
    (&["app.*"], &[("app.orders", 4), ("app.audit", 4)]),
    (&["*.orders"], &[("public.orders", 4), ("app.orders", 4), ("Odd.Schema.orders", 4)]),
    (&[r#""Odd.Schema"."a, b""#, "app.audit"], &[("Odd.Schema.a, b", 4), ("app.audit", 4)]),
    (
        &["*.*"],
        &[
            ("public.orders", 4),
            ("public.orders_archive", 4),
            ("app.orders", 4),
            ("app.audit", 4),
            ("Odd.Schema.a, b", 4),
            ("Odd.Schema.orders", 4),
        ],
    ),
];
