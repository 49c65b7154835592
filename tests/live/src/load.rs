//! Sessions that commit as fast as they can, beside what a claim does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pgnudge_testkit::Scratch;
use tokio::task::JoinHandle;

use crate::Failure;

/// A session that runs one statement over and over, each time in a transaction of its own.
#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<u64, pgnudge_testkit::tokio_postgres::Error>>,
}

impl Load {
    /// Starts it.
    pub(crate) async fn start(scratch: &Scratch, statement: &str) -> Result<Self, Failure> {
        let client = scratch.connect().await?;
        let prepared = client.prepare(statement).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut runs = 0;
            while !stopped.load(Ordering::Relaxed) {
                client.execute(&prepared, &[]).await?;
                runs += 1;
            }
            Ok(runs)
        });
        Ok(Self { stop, task })
    }

    /// Lets it finish the statement at hand. Returns how often it ran.
    pub(crate) async fn stop(self) -> Result<u64, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.task.await??)
    }
}
