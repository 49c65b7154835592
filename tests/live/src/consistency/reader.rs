//! Reads whole tables, past the proxy, and comes back when the server does.

use std::sync::Arc;
use std::time::Duration;

use pgnudge_testkit::Scratch;
use pgnudge_testkit::tokio_postgres::{Client, Row};
use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::consistency::copy::Copy;

/// A session that fetches tables. What fails is tried again: the server may be restarting.
pub(crate) struct Reader {
    scratch: Arc<Scratch>,
    client: Option<Client>,
    /// All that is read is in this schema, if there is one.
    schema: Option<&'static str>,
}

impl Reader {
    pub(crate) fn new(scratch: Arc<Scratch>, schema: Option<&'static str>) -> Self {
        Self { scratch, client: None, schema }
    }

    /// Every table, in one snapshot.
    pub(crate) async fn everything(&mut self) -> Result<Copy, Failure> {
        self.persist(None).await
    }

    /// These tables, in one snapshot.
    pub(crate) async fn tables(&mut self, tables: &[String]) -> Result<Copy, Failure> {
        self.persist(Some(tables)).await
    }

    async fn persist(&mut self, tables: Option<&[String]>) -> Result<Copy, Failure> {
        let end = Instant::now() + LIMIT;
        loop {
            match self.attempt(tables).await {
                Err(_) if Instant::now() < end => sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    /// A session that failed is not used again: it may be in the middle of a transaction.
    async fn attempt(&mut self, tables: Option<&[String]>) -> Result<Copy, Failure> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.scratch.connect().await?,
        };
        let copy = match tables {
            Some(tables) => fetch(&client, tables).await?,
            None => {
                client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                let names = client.query(NAMES, &[&self.schema]).await?;
                let pair = |row: &Row| quoted(row.get(0), row.get(1));
                let copy = fetch(&client, &names.iter().map(pair).collect::<Vec<_>>()).await?;
                client.batch_execute("COMMIT").await?;
                copy
            }
        };
        self.client = Some(client);
        Ok(copy)
    }
}

/// The rows of these tables. Long ones are told apart by a hash.
async fn fetch(client: &Client, tables: &[String]) -> Result<Copy, Failure> {
    let mut copy = Copy::default();
    let select = |(number, table): (usize, &String)| {
        format!("SELECT {number}, left(whole::text, 60) || ' ' || md5(whole::text) FROM {table} AS whole")
    };
    let selects: Vec<_> = tables.iter().enumerate().map(select).collect();
    tables.iter().cloned().for_each(|table| copy.add_table(table));
    if !selects.is_empty() {
        for row in client.query(&format!("{} ORDER BY 1, 2", selects.join(" UNION ALL ")), &[]).await? {
            let number = usize::try_from(row.get::<_, i32>(0))?;
            copy.add_row(&tables[number], row.get(1));
        }
    }
    Ok(copy)
}

/// A table's name as it is in copies, and as SQL takes it.
pub(crate) fn quoted(schema: &str, table: &str) -> String {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    format!("{}.{}", quote(schema), quote(table))
}

const NAMES: &str = "SELECT nspname::text, relname::text
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema')
        AND nspname = coalesce($1::text, nspname)";

/// Long enough for any restart.
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
