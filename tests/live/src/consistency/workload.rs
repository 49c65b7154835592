//! Runs the transactions of a lap, each session on its own.

use std::time::Duration;

use pgnudge_testkit::tokio_postgres::Client;
use tokio::time::{Instant, sleep};

use crate::Failure;
use crate::consistency::database::Database;
use crate::consistency::transaction::{End, Transaction};

/// How transactions ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) committed: u64,
    /// By plan, by an error of SQL, or with their server.
    pub(crate) rolled_back: u64,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: Self) {
        self.committed += other.committed;
        self.rolled_back += other.rolled_back;
    }
}

/// One session's transactions, one after another. What fails is rolled back and left behind.
pub(crate) async fn session(database: Database, work: Vec<Transaction>) -> Result<Outcome, Failure> {
    let (mut outcome, mut client) = (Outcome::default(), connect(&database).await?);
    for transaction in work {
        sleep(transaction.rest).await;
        match attempt(&client, &transaction).await {
            Ok(true) => outcome.committed += 1,
            Ok(false) => outcome.rolled_back += 1,
            Err(_) => {
                outcome.rolled_back += 1;
                if client.batch_execute("ROLLBACK").await.is_err() {
                    client = connect(&database).await?;
                }
            }
        }
    }
    Ok(outcome)
}

/// Whether it was committed.
async fn attempt(client: &Client, transaction: &Transaction) -> Result<bool, Failure> {
    if transaction.end != End::InSteps {
        client.batch_execute("BEGIN").await?;
    }
    for step in &transaction.steps {
        client.batch_execute(step).await?;
    }
    match &transaction.end {
        End::Commit => client.batch_execute("COMMIT").await?,
        End::InSteps => {}
        End::Rollback => client.batch_execute("ROLLBACK").await?,
        End::Prepare { name, hold, .. } => {
            client.batch_execute(&format!("PREPARE TRANSACTION '{name}'")).await?;
            sleep(*hold).await;
            client.batch_execute(&format!("{} PREPARED '{name}'", verdict(&transaction.end))).await?;
        }
    }
    Ok(verdict(&transaction.end) == "COMMIT")
}

fn verdict(end: &End) -> &'static str {
    match end {
        End::Commit | End::InSteps | End::Prepare { commit: true, .. } => "COMMIT",
        End::Rollback | End::Prepare { commit: false, .. } => "ROLLBACK",
    }
}

/// Brings everything to rest: commits what was prepared and has lost its session, and then the mark.
pub(crate) async fn rest(database: &Database, mark: i64) -> Result<(), Failure> {
    let end = Instant::now() + LIMIT;
    loop {
        match settle(database, mark).await {
            Err(_) if Instant::now() < end => sleep(PAUSE).await,
            done => return done,
        }
    }
}

async fn settle(database: &Database, mark: i64) -> Result<(), Failure> {
    let client = connect(database).await?;
    let prepared = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";
    for row in client.query(prepared, &[]).await? {
        client.batch_execute(&format!("COMMIT PREPARED '{}'", row.get::<_, String>(0))).await?;
    }
    // With those before it: a failover may have lost some.
    let marks = format!("INSERT INTO mark SELECT generate_series(1, {mark}) ON CONFLICT DO NOTHING");
    Ok(client.batch_execute(&marks).await?)
}

/// A session that waits for nobody for long. The server may be restarting.
async fn connect(database: &Database) -> Result<Client, Failure> {
    let end = Instant::now() + LIMIT;
    loop {
        let failure = match database.connect("writer").await {
            Ok(client) => match client.batch_execute("SET lock_timeout = '300ms'").await {
                Ok(()) => return Ok(client),
                Err(error) => error.into(),
            },
            Err(failure) => failure,
        };
        if Instant::now() >= end {
            return Err(failure);
        }
        sleep(PAUSE).await;
    }
}

const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
