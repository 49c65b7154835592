//! Every row of every catalog, to be compared with what it is later.

use std::collections::BTreeMap;

use pgnudge_testkit::Scratch;

use crate::Failure;

/// What a server has written down about itself, as seen from one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Catalogs(BTreeMap<String, Vec<String>>);

impl Catalogs {
    /// Reads all of pg_catalog's tables, and the settings.
    pub(crate) async fn of(scratch: &Scratch) -> Result<Self, Failure> {
        let client = scratch.connect().await?;
        let tables = client.query(TABLES, &[&LEFT_OUT.as_slice()]).await?;
        let mut catalogs = BTreeMap::new();
        for table in tables.iter().map(|row| row.get::<_, String>(0)) {
            let rows = format!("SELECT {} FROM pg_catalog.{table} t ORDER BY 1", as_text(&table));
            let rows = client.query(&rows, &[]).await?;
            catalogs.insert(table, rows.iter().map(|row| row.get(0)).collect());
        }
        let settings = client.query(SETTINGS, &[]).await?;
        catalogs.insert("pg_settings".to_owned(), settings.iter().map(|row| row.get(0)).collect());
        Ok(Self(catalogs))
    }

    /// How many catalogs and rows there are.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.0.len(), self.0.values().map(Vec::len).sum())
    }

    /// The rows that are there now and were not before, with `+`, and those that are gone, with `-`.
    pub(crate) fn since(&self, before: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (table, rows) in &self.0 {
            let old = before.0.get(table).map(Vec::as_slice).unwrap_or_default();
            let new = rows.iter().filter(|row| old.binary_search(row).is_err());
            let gone = old.iter().filter(|row| rows.binary_search(row).is_err());
            differences.extend(new.map(|row| format!("+ {table} {row}")));
            differences.extend(gone.map(|row| format!("- {table} {row}")));
        }
        differences
    }
}

/// A row as JSON, without what VACUUM writes.
fn as_text(table: &str) -> &'static str {
    match table {
        "pg_class" => {
            "(to_jsonb(t) - '{relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid}'::text[])\
             ::text COLLATE \"C\""
        }
        "pg_database" => "(to_jsonb(t) - '{datfrozenxid,datminmxid}'::text[])::text COLLATE \"C\"",
        _ => "to_jsonb(t)::text COLLATE \"C\"",
    }
}

const TABLES: &str = "SELECT relname::text FROM pg_catalog.pg_class
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relname = ANY ($1) ORDER BY 1";

/// What ANALYZE writes.
const LEFT_OUT: [&str; 2] = ["pg_statistic", "pg_statistic_ext_data"];

/// As a new session has them.
const SETTINGS: &str = "SELECT (name || ' = ' || coalesce(setting, 'NULL')) COLLATE \"C\"
    FROM pg_catalog.pg_settings ORDER BY 1";
