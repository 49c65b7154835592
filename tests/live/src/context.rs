//! What a claim gets to work with.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use pgnudge::{Feed, FeedBuilder, PluginChoice, Status};
use pgnudge_testkit::{ClusterBuilder, Scratch, Sender, Server, Slot, wait_until};
use tokio::time::timeout;

use crate::consumer::{Consumer, PATIENCE};
use crate::evidence::ensure;
use crate::tally::Tally;
use crate::{Effort, Failure, Security, Variant, Watch};

/// A server, a database on it that is the claim's own, and the plugin that it is tried with.
#[derive(Debug)]
pub struct Context {
    pub(crate) server: Arc<Server>,
    pub(crate) scratch: Scratch,
    pub(crate) variant: Variant,
    pub(crate) security: Security,
    pub(crate) effort: Effort,
}

impl Context {
    /// A fresh database on that server.
    pub(crate) async fn new(server: Arc<Server>, name: &str, variant: Variant) -> Result<Self, Failure> {
        let scratch = server.scratch(name).await?;
        Self::of(server, scratch, variant).await
    }

    /// The same, in another database of another encoding.
    pub(crate) async fn in_encoding(&self, encoding: &str) -> Result<Self, Failure> {
        let scratch = self.server.scratch_in_encoding(encoding, encoding).await?;
        let other = Self::of(Arc::clone(&self.server), scratch, self.variant).await?;
        Ok(Self { security: self.security, effort: self.effort, ..other })
    }

    async fn of(server: Arc<Server>, scratch: Scratch, variant: Variant) -> Result<Self, Failure> {
        scratch.sql(&format!("CREATE TABLE {MARK} (id int GENERATED ALWAYS AS IDENTITY)")).await?;
        Ok(Self { server, scratch, variant, security: Security::default(), effort: Effort::default() })
    }

    /// The same, on a throwaway cluster that is the claim's own.
    pub(crate) async fn on_own_cluster(&self, cluster: ClusterBuilder) -> Result<Self, Failure> {
        let installation = self.server.cluster()?.installation().clone();
        let server = Server::start_from(installation, cluster).await?;
        let own = Self::new(Arc::new(server), "own", self.variant).await?;
        Ok(Self { security: self.security, effort: self.effort, ..own })
    }

    /// Runs statements as the superuser, all in one session.
    pub(crate) async fn sql(&self, statements: &str) -> Result<(), Failure> {
        Ok(self.scratch.sql(statements).await?)
    }

    /// A connection URI for the product, as secure as the claim is to be tried.
    pub(crate) fn dsn(&self) -> String {
        with_parameter(&self.scratch.dsn(), self.security.parameter())
    }

    /// A feed of this database, not connected yet.
    pub(crate) fn builder(&self) -> FeedBuilder {
        self.builder_for(self.variant.choice())
    }

    /// The same, with a plugin of the claim's choice.
    pub(crate) fn builder_for(&self, plugin: PluginChoice) -> FeedBuilder {
        Feed::builder(self.dsn()).plugin(plugin)
    }

    /// Key=value text for the product on this cluster: `more` adds to it, or says otherwise.
    pub(crate) fn text(&self, more: &str) -> Result<String, Failure> {
        let (port, database) = (self.server.cluster()?.port(), self.scratch.name());
        let server = format!("host=localhost hostaddr=127.0.0.1 port={port} dbname={database}");
        Ok(format!("{server} user=nudger password=nudger {more}"))
    }

    /// A file that only its owner may read, beside the cluster's own. It goes with the cluster.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let name = format!("{}.{name}", self.scratch.name());
        let path = self.server.cluster()?.socket_dir().join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(path)
    }

    /// A feed of this database with default knobs, its `Resync(Connected)` taken.
    pub(crate) async fn feed(&self) -> Result<Feed, Failure> {
        connected(self.builder()).await
    }

    /// The program, watching this database with these flags, its first resync taken.
    pub(crate) async fn watch(&self, flags: &[&str]) -> Result<Watch, Failure> {
        let mut watch = Watch::start(self.watch_arguments(flags).iter().map(String::as_str))?;
        watch.resync("connected").await?;
        Ok(watch)
    }

    /// What [`watch`](Self::watch) says to the program.
    pub(crate) fn watch_arguments(&self, flags: &[&str]) -> Vec<String> {
        let plugin = format!("--plugin={}", self.variant.flag());
        let flags = flags.iter().map(|&flag| flag.to_owned());
        [plugin].into_iter().chain(flags).chain([self.dsn()]).collect()
    }

    /// Commits a mark, and adds up all that the consumer is told up to it, the mark left out.
    pub(crate) async fn tally(&self, consumer: &mut impl Consumer) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        self.tally_on(&mut tally, consumer).await?;
        Ok(tally)
    }

    /// The same, on top of what was told before.
    pub(crate) async fn tally_on(
        &self,
        tally: &mut Tally,
        consumer: &mut impl Consumer,
    ) -> Result<(), Failure> {
        self.sql(&format!("INSERT INTO {MARK} DEFAULT VALUES")).await?;
        tally.until(consumer, MARK).await?;
        tally.forget(MARK);
        Ok(())
    }

    /// Waits until the feeds of this database have told that everything has arrived that is committed by now: then
    /// it is in their windows, taken or not.
    pub(crate) async fn arrived(&self) -> Result<(), Failure> {
        let end = self.scratch.current_wal_lsn().await?;
        let confirmed = |senders: &Vec<Sender>| {
            !senders.is_empty() && senders.iter().all(|sender| sender.write_lsn >= Some(end))
        };
        wait_until("all has arrived", PATIENCE, async || self.scratch.walsenders().await, confirmed).await?;
        Ok(())
    }

    /// The slots of this database, which have to be that many.
    pub(crate) async fn slots(&self, expected: usize) -> Result<Vec<Slot>, Failure> {
        let slots = self.scratch.slots().await?;
        ensure!(slots.len() == expected, "{expected} slots expected, not {slots:?}");
        Ok(slots)
    }

    /// Waits until neither a slot nor a walsender of this database is left.
    pub(crate) async fn nothing_left(&self) -> Result<(), Failure> {
        let look = async || Ok((self.scratch.slots().await?, self.scratch.walsenders().await?));
        let gone = |(slots, senders): &(Vec<Slot>, Vec<Sender>)| slots.is_empty() && senders.is_empty();
        wait_until("neither slot nor walsender is left", PATIENCE, look, gone).await?;
        Ok(())
    }
}

/// That URI, perhaps with a parameter more.
pub(crate) fn with_parameter(uri: &str, parameter: Option<&str>) -> String {
    let mark = if uri.contains('?') { '&' } else { '?' };
    parameter.map_or(uri.to_owned(), |parameter| format!("{uri}{mark}{parameter}"))
}

/// Connects, and takes the first item, which has to be `Resync(Connected)`.
pub(crate) async fn connected(builder: FeedBuilder) -> Result<Feed, Failure> {
    let mut feed = builder.connect().await?;
    feed.resync("connected").await?;
    Ok(feed)
}

/// Why that connection text is refused. It has to be refused for good, and with a remedy.
pub(crate) async fn refused(connection: &str) -> Result<pgnudge::Error, Failure> {
    match timeout(PATIENCE, Feed::builder(connection).connect()).await {
        Err(_) => Err(Failure::new(format!("{connection:?} is not refused, but tried again and again"))),
        Ok(Ok(_)) => Err(Failure::new(format!("{connection:?} was accepted"))),
        Ok(Err(error)) if error.hint().is_none() => Err(Failure::new(format!("no remedy: {error:?}"))),
        Ok(Err(error)) => Ok(error),
    }
}

/// The slot and the server process of a feed that streams.
pub(crate) fn streaming(feed: &Feed) -> Result<(String, i32), Failure> {
    let status = feed.status();
    match &*status.borrow() {
        Status::Streaming { slot, backend_pid, .. } => Ok((slot.to_string(), *backend_pid)),
        other => Err(Failure::new(format!("not streaming but {other:?}"))),
    }
}

/// The table whose rows mark a place in the stream.
const MARK: &str = "public.mark";
