//! Feeds without a server, for the tests of programs that use one.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! use pgnudge::{FeedItem, Reason, testing};
//!
//! let (db, mut feed) = testing::feed();
//! assert!(matches!(feed.next().await, FeedItem::Resync { reason: Reason::Connected, .. }));
//!
//! db.changed("public.users", 3);
//! let item = feed.next().await;
//! assert_eq!((item.events()[0].table.as_str(), item.events()[0].count), ("public.users", 3));
//!
//! db.reconnect();
//! assert!(matches!(feed.next().await, FeedItem::Resync { reason: Reason::Reconnected, .. }));
//! # }
//! ```
//!
//! The feed is a real one: its windows, filters, hubs and live values are those of a program in production, and keep the
//! same times, on a paused clock too. Only the server is played by [`Database`]: each call is one committed
//! transaction that is visible at once.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nudge_engine::runtime::testing;

use crate::{Error, ErrorKind, Feed, FeedBuilder, Key, Lsn, Reason, TableName};

/// What the database does.
pub struct Database(Mutex<testing::Script>);

/// A feed with the defaults of [`FeedBuilder`], and the database it hears of.
///
/// # Panics
/// Outside of a tokio runtime.
#[expect(clippy::expect_used, reason = "the defaults are no wrong settings")]
pub fn feed() -> (Database, Feed) {
    feed_as(Feed::builder("")).expect("the defaults are checked by a test")
}

/// The same with settings of its own. What belongs to a server counts for nothing: the connection, visibility,
/// partitions.
///
/// # Errors
/// A setting that is wrong.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn feed_as(builder: FeedBuilder) -> Result<(Database, Feed), Error> {
    let (knobs, status) = builder.without_server()?;
    let (script, feed) = testing::feed(&knobs, status)?;
    Ok((Database(Mutex::new(script)), Feed(feed)))
}

impl Database {
    /// Changes so many rows of a table, which is written as in [`FeedBuilder::tables`]. Returns the position of the
    /// commit.
    ///
    /// # Panics
    /// If the text is no name of a table.
    #[track_caller]
    pub fn changed(&self, table: impl TryInto<TableName, Error: Into<Error>>, rows: u64) -> Lsn {
        self.lock().change(&name(table), None, rows)
    }

    /// Changes one row of a table, as a feed with [`Payload::PrimaryKey`](crate::Payload::PrimaryKey) tells it.
    ///
    /// # Panics
    /// As [`changed`](Self::changed).
    #[track_caller]
    pub fn row(&self, table: impl TryInto<TableName, Error: Into<Error>>, key: &Key) -> Lsn {
        self.lock().change(&name(table), Some(key), 1)
    }

    /// Has the feed say that everything may have changed, for this reason.
    pub fn resync(&self, reason: Reason) {
        self.lock().resync(reason);
    }

    /// Takes the server away: the feed's status says so, and a [`Live`](crate::Live) value is stale, until
    /// [`reconnect`](Self::reconnect).
    pub fn disconnect(&self) {
        self.lock()
            .disconnect(Error::transient(ErrorKind::Unavailable, "the test has taken the server away"));
    }

    /// Loses the connection and makes it again: the next item is a Resync.
    pub fn reconnect(&self) {
        self.lock().reconnect();
    }

    fn lock(&self) -> MutexGuard<'_, testing::Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a test with a slip of the pen has to fail where it is")]
fn name(table: impl TryInto<TableName, Error: Into<Error>>) -> TableName {
    table.try_into().unwrap_or_else(|error| panic!("{}", error.into()))
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeedItem, Hub, KeyColumn, KeyValue, Live, LiveError, LiveState, Payload};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    fn is_resync(item: &FeedItem, expected: Reason) -> bool {
        matches!(item, FeedItem::Resync { reason, .. } if *reason == expected)
    }

    #[tokio::test(start_paused = true)]
    async fn items_are_those_of_a_feed() {
        let (db, mut feed) = feed();
        assert!(is_resync(&feed.next().await, Reason::Connected));
        db.changed("public.users", 3);
        let lsn = db.changed(("Odd", "Table"), 1);
        assert!(feed.has_pending());
        let item = feed.next().await;
        assert_eq!(item.lsn(), lsn);
        let told: Vec<_> = item.events().iter().map(|event| (event.table.as_str(), event.count)).collect();
        assert_eq!(told, [("public.users", 3), ("Odd.Table", 1)]);
        for reason in [Reason::Overflow, Reason::Undecodable] {
            db.resync(reason);
            assert!(is_resync(&feed.next().await, reason));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_pattern_or_duration_is_no_outage() {
        let (_db, feed) = feed();
        let hub = Hub::new(feed);
        let wait = Duration::from_millis(1);
        for wrong in [Live::builder(&hub).tables(["a.b.c"]), Live::builder(&hub).max_batch_wait(wait)] {
            let error = wrong.fetch(async |_| Ok::<_, std::io::Error>(())).await.unwrap_err();
            assert!(matches!(error, LiveError::Config(_)) && !error.to_string().contains("away"), "{error}");
            assert!(error.hint().is_some(), "{error}: the hint of the error underneath");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn filters_and_keys_are_those_of_the_builder() {
        let builder = Feed::builder("").tables(["public.users"]).payload(Payload::PrimaryKey);
        let (db, mut feed) = feed_as(builder).unwrap();
        assert!(is_resync(&feed.next().await, Reason::Connected));
        db.changed("public.orders", 1);
        let seven = vec![KeyColumn { name: "id".into(), value: KeyValue::Integer(7) }];
        db.row("public.users", &Key::new(seven).unwrap());
        let item = feed.next().await;
        assert_eq!(item.events().len(), 1);
        assert_eq!(item.events()[0].payload(), "public.users:7");
        assert!(feed_as(Feed::builder("").tables(["users"])).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_live_value_goes_stale_and_fresh() {
        let (db, feed) = feed();
        let (hub, fetches) = (Hub::new(feed), Arc::new(AtomicU32::new(0)));
        let counter = Arc::clone(&fetches);
        let fetch = move |_| std::future::ready(Ok::<_, Error>(counter.fetch_add(1, Ordering::Relaxed)));
        let mut live = Live::builder(&hub).tables(["public.users"]).fetch(fetch).await.unwrap();
        db.changed("public.users", 1);
        let value = live.changed().await.unwrap();
        assert_eq!(*value + 1, fetches.load(Ordering::Relaxed));
        db.disconnect();
        let stale = |live: &Live<u32>| matches!(live.state(), LiveState::Stale { .. });
        while !stale(&live) {
            tokio::task::yield_now().await;
        }
        db.reconnect();
        live.fresh().await.unwrap();
        assert!(!stale(&live));
    }

    #[tokio::test]
    #[should_panic(expected = "the schema is missing")]
    async fn a_table_that_is_none_fails_the_test() {
        feed().0.changed("users", 1);
    }
}
