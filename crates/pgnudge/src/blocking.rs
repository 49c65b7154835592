//! Feeds for programs without async.
//!
//! ```no_run
//! use pgnudge::{Feed, FeedItem};
//!
//! # fn main() -> Result<(), pgnudge::Error> {
//! let feed = Feed::builder("postgres://nudger@localhost/app").tables(["public.*"]).connect_blocking()?;
//! for item in feed {
//!     match item {
//!         FeedItem::Resync { reason, .. } => println!("reload everything ({reason})"),
//!         FeedItem::Batch { events, .. } => println!("reload {} tables", events.len()),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The connection lives on a thread of its own, which reads and answers the server while the program thinks (rule R9 of
//! the contract). A program that calls `block_on(feed.next())` of the asynchronous [`Feed`](crate::Feed) on a runtime
//! of one thread does not have that: between two calls nothing runs there, and the server ends a connection from which it
//! hears nothing for as long as its `wal_sender_timeout` says.

use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::{Error, ErrorKind, FeedBuilder, FeedItem, Status};

/// Wakeups of one database, for as long as it is kept: [`Feed`](crate::Feed) with calls that block.
///
/// It is also an [`Iterator`] that never ends. Dropping it closes the connection.
#[derive(Debug)]
pub struct Feed {
    feed: crate::Feed,
    runtime: Handle,
    /// Dropping it ends the thread, once the connection is closed.
    _alive: oneshot::Sender<()>,
}

impl Feed {
    /// Blocks until the next item.
    ///
    /// # Panics
    /// As [`Feed::next`](crate::Feed::next), and in asynchronous code, where nothing may block.
    #[expect(clippy::should_implement_trait, reason = "it does; here there is an item without an Option")]
    pub fn next(&mut self) -> FeedItem {
        self.runtime.block_on(self.feed.next())
    }

    /// Blocks until the next item, or for as long as given; then `None`.
    ///
    /// # Panics
    /// As [`next`](Self::next).
    pub fn next_timeout(&mut self, limit: Duration) -> Option<FeedItem> {
        self.runtime.block_on(async { timeout(limit, self.feed.next()).await.ok() })
    }

    /// Whether changes have arrived that no item was delivered for yet.
    pub fn has_pending(&self) -> bool {
        self.feed.has_pending()
    }

    /// What the connection is doing right now.
    pub fn status(&self) -> Status {
        self.feed.status().borrow().clone()
    }
}

impl Iterator for Feed {
    type Item = FeedItem;

    fn next(&mut self) -> Option<FeedItem> {
        Some(Self::next(self))
    }
}

pub(crate) fn connect(builder: FeedBuilder) -> Result<Feed, Error> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(impossible)?;
    let (handle, status) = (runtime.handle().clone(), builder.status());
    let (alive, dropped) = oneshot::channel();
    let run = move || runtime.block_on(carry(dropped, status));
    thread::Builder::new().name("pgnudge".into()).spawn(run).map_err(impossible)?;
    let feed = handle.block_on(builder.connect())?;
    Ok(Feed { feed, runtime: handle, _alive: alive })
}

/// Keeps the runtime running until the feed is dropped and has taken its leave of the server.
async fn carry(dropped: oneshot::Receiver<()>, mut status: watch::Receiver<Status>) {
    let _ = dropped.await;
    let _ = timeout(GOODBYE, async { while status.changed().await.is_ok() {} }).await;
}

fn impossible(error: std::io::Error) -> Error {
    Error::permanent(ErrorKind::Config, format!("the thread of a blocking feed cannot be started: {error}"))
        .with_hint("raise the limits of threads and open files")
        .with_source(error)
}

/// Of a server that does not take the leave, nobody waits for more.
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_and_the_thread_ends() {
        let error = crate::Feed::builder("host=127.0.0.1 port=1").tables(["orders"]).connect_blocking();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Config);
    }
}
