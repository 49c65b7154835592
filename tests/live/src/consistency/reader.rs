//! Reads whole tables, past the proxy, and comes back when the server does.

use std::time::Duration;

use pgnudge_testkit::tokio_postgres::{Client, Row};
use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::consistency::copy::Copy;
use crate::consistency::database::Database;
use crate::consistency::scope::Scope;

/// A session that fetches tables. What fails is tried again: the server may be restarting, and a table may
/// be dropped while it is read.
pub(crate) struct Reader {
    database: Database,
    client: Option<Client>,
    /// What is read at all.
    scope: Scope,
}

/// A table by its raw names.
pub(crate) type Name = (String, String);

impl Reader {
    pub(crate) fn new(database: Database, scope: Scope) -> Self {
        Self { database, client: None, scope }
    }

    /// The tables in its scope.
    pub(crate) async fn names(&mut self) -> Result<Vec<Name>, Failure> {
        let end = Instant::now() + LIMIT;
        loop {
            match self.listed().await {
                Err(_) if Instant::now() < end => sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    async fn listed(&mut self) -> Result<Vec<Name>, Failure> {
        let client = self.session().await?;
        let names = self.existing(&client).await?;
        self.client = Some(client);
        Ok(names)
    }

    async fn existing(&self, client: &Client) -> Result<Vec<Name>, Failure> {
        let rows = client.query(NAMES, &[]).await?;
        let existing = rows.iter().map(|row: &Row| (row.get::<_, String>(0), row.get::<_, String>(1)));
        Ok(existing.filter(|(schema, table)| self.scope.contains(schema, table)).collect())
    }

    /// Every table, in one snapshot.
    pub(crate) async fn everything(&mut self) -> Result<Copy, Failure> {
        self.persist(None).await
    }

    /// These tables, in one snapshot. One that is gone is empty.
    pub(crate) async fn tables(&mut self, tables: &[Name]) -> Result<Copy, Failure> {
        self.persist(Some(tables)).await
    }

    /// Waits until the server has that position: a replica, when it has replayed it; one that was promoted,
    /// when it has written as much.
    pub(crate) async fn reaches(&mut self, position: &str) -> Result<(), Failure> {
        let reached = format!(
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
            >= '{position}'"
        );
        loop {
            match self.reached(&reached).await {
                Ok(true) => return Ok(()),
                Ok(false) | Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn reached(&mut self, query: &str) -> Result<bool, Failure> {
        let client = self.session().await?;
        let reached = client.query_one(query, &[]).await?.try_get(0)?;
        self.client = Some(client);
        Ok(reached)
    }

    async fn persist(&mut self, tables: Option<&[Name]>) -> Result<Copy, Failure> {
        let end = Instant::now() + LIMIT;
        loop {
            match self.attempt(tables).await {
                Err(_) if Instant::now() < end => sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    /// A session that failed is not used again: it may be in the middle of a transaction.
    async fn attempt(&mut self, tables: Option<&[Name]>) -> Result<Copy, Failure> {
        let client = self.session().await?;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let wanted = |name: &Name| tables.is_none_or(|tables| tables.contains(name));
        let names: Vec<_> = self.existing(&client).await?.into_iter().filter(wanted).collect();
        let mut copy = fetch(&client, &names).await?;
        client.batch_execute("COMMIT").await?;
        for (schema, table) in tables.into_iter().flatten().filter(|name| !names.contains(name)) {
            if self.scope.contains(schema, table) {
                copy.add_table(quoted(schema, table));
            }
        }
        self.client = Some(client);
        Ok(copy)
    }

    async fn session(&mut self) -> Result<Client, Failure> {
        match self.client.take() {
            Some(client) => Ok(client),
            None => self.database.connect("reader").await,
        }
    }
}

/// The rows of these tables. Long ones are told apart by a hash.
async fn fetch(client: &Client, names: &[Name]) -> Result<Copy, Failure> {
    let mut copy = Copy::default();
    let tables: Vec<_> = names.iter().map(|(schema, table)| quoted(schema, table)).collect();
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

/// A standby cannot read what is not logged.
const NAMES: &str = "SELECT nspname::text, relname::text
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema')
        AND (relpersistence = 'p' OR NOT pg_is_in_recovery())";

/// Long enough for any restart, and shorter than a round waits for the copy: a table that cannot be read is no
/// fault of the product.
const LIMIT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(10);
