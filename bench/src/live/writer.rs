//! Who changes rows: one session, on a thread of its own.

use std::thread;
use std::time::{Duration, Instant};

use pgnudge_testkit::tokio_postgres::{NoTls, connect};

use crate::failure::Failure;

/// When transactions begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) transactions: usize,
    /// So many at once, back to back.
    pub(crate) burst: usize,
    /// From the beginning of one burst to that of the next.
    pub(crate) gap: Duration,
}

/// Runs the statement in a transaction each time, and returns when each COMMIT had returned. One that is
/// due while the last one still runs begins at once after it.
pub(crate) async fn write(dsn: String, statement: &'static str, pace: Pace) -> Result<Vec<Instant>, Failure> {
    tokio::task::spawn_blocking(move || crate::runtime()?.block_on(run(&dsn, statement, pace))).await?
}

async fn run(dsn: &str, statement: &str, pace: Pace) -> Result<Vec<Instant>, Failure> {
    let (client, connection) = connect(dsn, NoTls).await?;
    tokio::spawn(connection);
    let statement = client.prepare(statement).await?;
    let mut committed = Vec::with_capacity(pace.transactions);
    let mut due = Instant::now();
    for transaction in 0..pace.transactions {
        if transaction.is_multiple_of(pace.burst) {
            // tokio's timers are as coarse as a millisecond. Nothing else runs on this thread.
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due += pace.gap;
        }
        client.execute(&statement, &[]).await?;
        committed.push(Instant::now());
    }
    Ok(committed)
}
