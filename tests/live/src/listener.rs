//! A program that LISTENs through a driver and keeps a copy of what it reads: what a user of the bridge
//! writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use pgnudge_testkit::tokio_postgres::{AsyncMessage, Client, NoTls, connect};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::Failure;

/// A copy of tables, kept fresh by notifications alone.
#[derive(Debug)]
pub struct Listener {
    copy: Arc<Mutex<Copy>>,
    task: JoinHandle<Result<(), Failure>>,
}

/// What a listener holds.
#[derive(Clone, Debug, Default)]
pub struct Copy {
    /// The latest value of each table.
    pub values: BTreeMap<String, i64>,
    /// How often everything was read.
    pub resyncs: u64,
    /// How often one table was.
    pub nudges: u64,
}

impl Listener {
    /// Listens on that channel, and then reads the tables for the first time.
    ///
    /// # Errors
    /// What the server says.
    pub async fn start(dsn: &str, channel: &str, tables: &[String]) -> Result<Self, Failure> {
        let (client, mut notifications) = subscribe(dsn, channel).await?;
        let copy = Arc::new(Mutex::new(Copy::default()));
        let (kept, tables) = (Arc::clone(&copy), tables.to_vec());
        for table in &tables {
            refetch(&client, &kept, table).await?;
        }
        let task = tokio::spawn(async move {
            while let Some((payload, _)) = notifications.recv().await {
                if payload == "*" {
                    for table in &tables {
                        refetch(&client, &kept, table).await?;
                    }
                    lock(&kept).resyncs += 1;
                } else {
                    refetch(&client, &kept, &payload).await?;
                    lock(&kept).nudges += 1;
                }
            }
            Ok(())
        });
        Ok(Self { copy, task })
    }

    /// What it holds now.
    ///
    /// # Errors
    /// When it has failed.
    pub fn copy(&self) -> Result<Copy, Failure> {
        if self.task.is_finished() {
            return Err(Failure::new("a listener has lost its connection"));
        }
        Ok(lock(&self.copy).clone())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A session that listens: the client, and its payloads with the time of their arrival.
///
/// # Errors
/// What the server says.
pub async fn subscribe(
    dsn: &str,
    channel: &str,
) -> Result<(Client, mpsc::UnboundedReceiver<(String, Instant)>), Failure> {
    let (client, mut connection) = connect(dsn, NoTls).await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send((notification.payload().to_owned(), Instant::now()));
            }
        }
    });
    client.batch_execute(&format!("LISTEN {channel}")).await?;
    Ok((client, receiver))
}

async fn refetch(client: &Client, copy: &Mutex<Copy>, table: &str) -> Result<(), Failure> {
    let value = client.query_one(&format!("SELECT v FROM {table}"), &[]).await?.try_get(0)?;
    lock(copy).values.insert(table.to_owned(), value);
    Ok(())
}

fn lock(copy: &Mutex<Copy>) -> std::sync::MutexGuard<'_, Copy> {
    copy.lock().unwrap_or_else(PoisonError::into_inner)
}
