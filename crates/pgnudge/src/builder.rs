//! What a user says about a feed.

mod server;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nudge_engine::policy::{Backoff, Edge, ParentOf, Visibility};
use nudge_engine::runtime::{self, Status, TargetDialer};
use nudge_engine::{Knobs, Payload, TableName};
use tokio::sync::watch;

use crate::connection::Connection;
use crate::tables::Tables;
use crate::{Error, Feed, PluginChoice, TablePattern, patience, target};

/// A feed that is not connected yet. Nothing is checked before [`connect`](Self::connect), which
/// reports what is wrong with a remedy.
pub struct FeedBuilder {
    connection: Connection,
    tables: Tables,
    /// `None`: as the connection text says, or the default.
    connect_timeout: Option<Duration>,
    give_up_after: Option<Duration>,
    knobs: Knobs,
    status: watch::Sender<Status>,
}

impl FeedBuilder {
    pub(crate) fn new(connection: String) -> Self {
        let status = watch::Sender::new(Status::Connecting { attempt: 0 });
        Self {
            connection: Connection::new(connection),
            tables: Tables::default(),
            connect_timeout: None,
            give_up_after: None,
            knobs: Knobs::default(),
            status,
        }
    }

    /// What the feed is called: in the log (the field `name` of the span `feed`), in metrics (the label
    /// `feed`), and to the server, behind the `application_name` (`pgnudge:orders`). At most 32 bytes. Default: nothing.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.knobs.name = Some(name.into());
        self
    }

    /// Only these tables nudge: `schema.table`, `schema.*`, `*.table` or `*.*`, with special characters
    /// double-quoted as in SQL; or a [`TableName`], or a [`TablePattern`]. Without a call all tables do; a call with no pattern is an error, since it can mean
    /// neither all nor none.
    #[must_use]
    pub fn tables(
        mut self,
        patterns: impl IntoIterator<Item: TryInto<TablePattern, Error: Into<Error>>>,
    ) -> Self {
        self.tables.add(patterns);
        self
    }

    /// Which output plugin decodes on the server. By default wal2json if there is a table filter that
    /// it can apply there, else test_decoding; and when the server lacks the one, the other.
    #[must_use]
    pub fn plugin(mut self, plugin: PluginChoice) -> Self {
        self.knobs.plugin = plugin;
        self
    }

    /// What events tell apart: tables (the default), or with [`Payload::PrimaryKey`] rows by primary key. The latter
    /// needs wal2json, and has its price: see `docs/payload.md`.
    #[must_use]
    pub fn payload(mut self, payload: Payload) -> Self {
        self.knobs.payload = payload;
        self
    }

    /// How many bytes of a message of the stream are looked at. Default 8 KiB, and 1 MiB with
    /// [`Payload::PrimaryKey`]: the key is printed behind the row, so of a longer row the table is told alone. The
    /// connection's receive buffer holds as much. From 1 KiB to 1 GiB.
    #[must_use]
    pub fn head_limit(mut self, bytes: usize) -> Self {
        self.knobs.head_limit = Some(bytes);
        self
    }

    /// The quiet time that closes a window. Default 50 ms; 0 closes it at every commit.
    #[must_use]
    pub fn debounce(mut self, debounce: Duration) -> Self {
        self.knobs.debounce = debounce;
        self
    }

    /// The longest time that a window stays open. Default 20 × `debounce`; at least `debounce`.
    #[must_use]
    pub fn max_batch_wait(mut self, wait: Duration) -> Self {
        self.knobs.max_batch_wait = Some(wait);
        self
    }

    /// Which end of a burst of changes wakes. Default trailing.
    #[must_use]
    pub fn edge(mut self, edge: Edge) -> Self {
        self.knobs.edge = edge;
        self
    }

    /// Delivers a Resync whenever there was none for this long. Default: off.
    #[must_use]
    pub fn failsafe(mut self, interval: Duration) -> Self {
        self.knobs.failsafe = Some(interval);
        self
    }

    /// How many distinct tables (or rows) a window holds before it becomes a Resync. Default 8192.
    #[must_use]
    pub fn max_pending(mut self, identities: usize) -> Self {
        self.knobs.max_pending = identities;
        self
    }

    /// The longest time between two status messages to the server. Default 10 s; never more than a
    /// third of the server's `wal_sender_timeout`. A quiet spell begins with a few dozen of them, for
    /// two seconds and then ever more rarely: they wake a walsender that slept through a
    /// commit, as those of PostgreSQL 16 and later sometimes do.
    #[must_use]
    pub fn status_interval(mut self, interval: Duration) -> Self {
        self.knobs.status_interval = interval;
        self
    }

    /// The silence after which the server counts as gone; `None` waits for ever. Default 30 s.
    #[must_use]
    pub fn liveness_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.knobs.liveness_timeout = timeout;
        self
    }

    /// How long TCP, TLS and authentication of one attempt may take. Default: `connect_timeout` of the
    /// connection text, or 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How long one attempt waits for its slot, which every open write transaction delays. Default
    /// 30 s; then the attempt is withdrawn and made again.
    #[must_use]
    pub fn slot_timeout(mut self, timeout: Duration) -> Self {
        self.knobs.slot_timeout = timeout;
        self
    }

    /// The pauses between attempts: they double from `initial` to `max`, each ±50 %. Default 100 ms to
    /// 5 s.
    #[must_use]
    pub fn backoff(mut self, initial: Duration, max: Duration) -> Self {
        self.knobs.backoff = Backoff { initial, max };
        self
    }

    /// Which items wait until their transactions can be seen by a new snapshot, so that a refetch made
    /// at once sees them. Default: all. It costs a second, ordinary session, opened as the feed goes live, and
    /// one short question per item.
    #[must_use]
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.knobs.visibility = visibility;
        self
    }

    /// Whether the feed may count as a synchronous standby of its server. Off by default: where
    /// `synchronous_standby_names` matches the feed's `application_name` (as `*` does), the connection is refused,
    /// and a living feed withdraws. With `true` the server acknowledges commits that no standby holds, and every commit
    /// waits for this feed (manual, "synchronous_standby_names").
    #[must_use]
    pub fn synchronous_standby(mut self, may_be: bool) -> Self {
        self.knobs.synchronous_standby = may_be;
        self
    }

    /// Whether a change in a partition is also told under the name of every partitioned table above it,
    /// so that who watches the parent hears of it. Default: on. In a database with partitioned tables it
    /// costs one question per item, in a second, ordinary session.
    #[must_use]
    pub fn partition_root(mut self, on: bool) -> Self {
        self.knobs.partition_root = on;
        self
    }

    /// Names the table that a table belongs to, where PostgreSQL does not know it: a change of the one is then
    /// also a change of the other, as with partitions, and table patterns match either. The parent is asked
    /// for its parent in turn, and a table that the server knows above a partition for its own; at most 16
    /// parents are told beside what the server knows. Whether there is such a table does not matter.
    ///
    /// TimescaleDB keeps the rows of a hypertable in chunks. The name of a chunk begins with a prefix that is
    /// the hypertable's own (`_hyper_<id>`, if none was chosen), and
    /// `_timescaledb_catalog.hypertable` tells which is whose. (`docs/timescaledb.md` reads it. This was not
    /// tried with TimescaleDB, but with tables that look like its own.)
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use pgnudge::{Feed, TableName};
    ///
    /// // associated_schema_name, associated_table_prefix → schema_name, table_name
    /// let prefix = TableName::new("_timescaledb_internal", "_hyper_1");
    /// let hypertables = HashMap::from([(prefix, TableName::new("public", "metrics"))]);
    /// let hypertable_of = move |table: &TableName| {
    ///     let (prefix, _number) = table.table().strip_suffix("_chunk")?.rsplit_once('_')?;
    ///     hypertables.get(&TableName::new(table.schema(), prefix)).cloned()
    /// };
    /// let chunk = TableName::new("_timescaledb_internal", "_hyper_1_42_chunk");
    /// assert_eq!(hypertable_of(&chunk), Some(TableName::new("public", "metrics")));
    ///
    /// let builder = Feed::builder("postgres://nudger@db/app").parent_of(hypertable_of).tables(["public.metrics"]);
    /// ```
    ///
    /// The callback is asked whenever an item goes out, about each table of it once, in the task that takes the
    /// items. So it has to be quick: what it needs to know it should know already. A panic in it comes out of
    /// [`Feed::next`]; who goes on after that gets a Resync in place of the item. With a callback the server
    /// cannot apply the table patterns, and changes of all tables count towards
    /// [`max_pending`](Self::max_pending) until the item goes out.
    #[must_use]
    pub fn parent_of(
        mut self,
        parent: impl Fn(&TableName) -> Option<TableName> + Send + Sync + 'static,
    ) -> Self {
        self.knobs.parent_of = Some(ParentOf::new(parent));
        self
    }

    /// Whether an application may nudge: `SELECT pg_logical_emit_message(true, 'pgnudge', 'public.orders')` in
    /// a transaction nudges `public.orders` when that commits, whether there is such a table or not. It
    /// needs no object on the server. Default: off.
    #[must_use]
    pub fn messages(mut self, on: bool) -> Self {
        self.knobs.messages = on;
        self
    }

    /// Whether wal2json prints a message where a transaction begins and one where it ends. Default: on, and
    /// test_decoding always does. They are half of what a transaction of one row costs the server
    /// (`docs/performance.md`), and most of what one of other tables costs it, if the server applies the table
    /// patterns: which takes [`partition_root(false)`](Self::partition_root) here, since the first partitioned
    /// table could come unnoticed.
    ///
    /// Without them a window may close between the changes of one transaction: one wakeup more, none less.
    /// Every item is checked ([`visibility`](Self::visibility)), and gets its position from that; while nobody
    /// answers, its position may be before its commits. And an UPDATE or DELETE of a table without replica
    /// identity makes the feed open another stream, with markers from then on.
    #[must_use]
    pub fn transaction_markers(mut self, on: bool) -> Self {
        self.knobs.transaction_markers = on;
        self
    }

    /// How long [`connect`](Self::connect) may try; then it returns the last error. A feed that was live goes on trying
    /// all the same. Default: no limit.
    #[must_use]
    pub fn give_up_after(mut self, limit: Duration) -> Self {
        self.give_up_after = Some(limit);
        self
    }

    /// What the connection is doing, also while [`connect`](Self::connect) has not returned yet.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Checks what needs no server: the connection text, the patterns and the knobs, by themselves and together.
    /// [`connect`](Self::connect) does it, too; this is for programs that have something else to do first.
    ///
    /// # Errors
    /// A setting that is wrong; [`Error::hint`] names the remedy.
    pub fn check(&self) -> Result<(), Error> {
        self.tables.filter()?;
        self.connection.check()?;
        let mut knobs = self.knobs.clone();
        knobs.connect_timeout = self.connect_timeout.unwrap_or(knobs.connect_timeout);
        knobs.check()
    }

    /// [`connect`](Self::connect) for programs without async: it blocks, and so does the feed.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and where a thread cannot be had.
    ///
    /// # Panics
    /// In asynchronous code, where nothing may block.
    #[cfg(feature = "blocking")]
    pub fn connect_blocking(self) -> Result<crate::blocking::Feed, Error> {
        crate::blocking::connect(self)
    }

    /// What remains without a connection.
    #[cfg(feature = "testing")]
    pub(crate) fn without_server(self) -> Result<(Knobs, watch::Sender<Status>), Error> {
        Ok((Knobs { tables: self.tables.filter()?, ..self.knobs }, self.status))
    }

    /// Connects and waits until the feed is live. While there is hope it tries for ever, or
    /// [as long as it may](Self::give_up_after): the server is not there yet, it is starting up, its slots are in use.
    /// Each failed attempt is a warning in the log, with the host.
    ///
    /// # Errors
    /// What trying again does not cure: a wrong setting or password, a missing database, privilege or
    /// plugin, `wal_level` too low. [`Error::hint`] names the remedy.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and I/O enabled.
    pub async fn connect(self) -> Result<Feed, Error> {
        let Self { connection, tables, connect_timeout, give_up_after, mut knobs, status } = self;
        knobs.tables = tables.filter()?;
        let (mut target, limit) = connection.target()?;
        knobs.connect_timeout = connect_timeout.or(limit).unwrap_or(knobs.connect_timeout);
        target::add_name(&mut target, knobs.name.as_deref());
        let dial = Arc::new(TargetDialer::new(target.clone()));
        let watched = status.subscribe();
        let connecting = runtime::connect(&target, dial, knobs, status);
        let feed = match give_up_after {
            None => connecting.await,
            Some(limit) => patience::within(limit, watched, connecting).await,
        };
        feed.map(Feed)
    }
}

/// With a status of its own.
impl Clone for FeedBuilder {
    fn clone(&self) -> Self {
        let Self { connection, tables, connect_timeout, give_up_after, knobs, .. } = self;
        Self {
            connection: connection.clone(),
            tables: tables.clone(),
            connect_timeout: *connect_timeout,
            give_up_after: *give_up_after,
            knobs: knobs.clone(),
            status: watch::Sender::new(Status::Connecting { attempt: 0 }),
        }
    }
}

/// The connection text may hold a password.
impl fmt::Debug for FeedBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedBuilder")
            .field("tables", &self.tables)
            .field("knobs", &self.knobs)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secrets() {
        let builder = Feed::builder("postgres://u:hunter2@h/d");
        assert!(!format!("{builder:?}").contains("hunter2"));
    }

    #[test]
    fn a_wrong_knob_is_found_without_a_server() {
        let builder = || Feed::builder("host=127.0.0.1");
        assert!(builder().check().is_ok());
        let (zero, ms) = (Duration::ZERO, Duration::from_millis(1));
        for wrong in [
            builder().backoff(zero, zero),
            builder().backoff(ms, Duration::MAX),
            builder().connect_timeout(zero),
            builder().tables(["orders"]),
            Feed::builder("pot=1"),
        ] {
            assert!(wrong.check().unwrap_err().is_permanent());
        }
    }

    #[test]
    fn a_pattern_that_is_none_is_an_error_with_a_remedy() {
        for tables in [vec!["orders"], vec![]] {
            let error = Feed::builder("host=127.0.0.1").tables(tables).check().unwrap_err();
            assert!(error.is_permanent() && error.hint().is_some(), "{error}");
        }
    }
}
