//! The server that is measured on: a throwaway one, and a database on it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use pgnudge::Plugin;
use pgnudge_testkit::{Cluster, Installation, PgLsn, Scratch, Sender, Server, StopMode, wait_until};

use crate::failure::Failure;

/// A server and a database of ours.
pub(crate) struct Ground {
    // Before the server: it drops its database there.
    scratch: Scratch,
    server: Server,
    installation: Installation,
}

impl Ground {
    /// Starts a server that does nothing by itself while it is measured: no checkpoint, no autovacuum; and
    /// that trusts whoever comes, so that no client has to know passwords, and waits for ever for those that
    /// do not answer. As in every throwaway cluster `fsync` is off: a commit costs little, and the times
    /// here begin when it is done.
    pub(crate) async fn prepare(bin_dir: Option<&PathBuf>) -> Result<Self, Failure> {
        let named: Vec<_> = bin_dir.into_iter().cloned().collect();
        let installation = Installation::find(&named)?;
        let cluster = Cluster::builder().tls(false).line("autovacuum = off").line("wal_sender_timeout = 0");
        let cluster = cluster.line("max_wal_size = 4GB").line("checkpoint_timeout = 1d");
        let cluster = cluster.line("shared_buffers = 256MB");
        let server = Server::start_from(installation.clone(), cluster).await?;
        let rules = server.cluster()?.data_dir().join("pg_hba.conf");
        server.stop(StopMode::Fast).await?;
        fs::write(rules, "local all all trust\nhost all all 127.0.0.1/32 trust\n")?;
        server.start_again().await?;
        let scratch = server.scratch("bench").await?;
        Ok(Self { scratch, server, installation })
    }

    /// The server's version.
    pub(crate) fn version(&self) -> &str {
        self.server.version()
    }

    pub(crate) fn port(&self) -> Result<u16, Failure> {
        Ok(self.server.cluster()?.port())
    }

    pub(crate) fn database(&self) -> &str {
        self.scratch.name()
    }

    /// The connection text of a feed.
    pub(crate) fn dsn(&self) -> String {
        format!("{}?sslmode=disable", self.scratch.dsn())
    }

    /// The connection text of who writes and who listens.
    pub(crate) fn superuser_dsn(&self) -> String {
        self.scratch.superuser_dsn()
    }

    /// A program of the server's, or of the same name on `PATH`.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf, Failure> {
        let program = self.installation.program(name);
        let missing = || Failure::new(format!("no {name}: install PostgreSQL's client programs"));
        if program.is_file() { Ok(program) } else { Err(missing()) }
    }

    /// Those that the server has, or of them the one that is wanted.
    pub(crate) fn plugins(&self, only: Option<Plugin>) -> Vec<Plugin> {
        let all = [Plugin::TestDecoding, Plugin::Wal2Json];
        all.into_iter()
            .filter(|plugin| only.is_none_or(|only| only == *plugin) && self.server.offers(plugin.name()))
            .collect()
    }

    pub(crate) async fn sql(&self, statements: &str) -> Result<(), Failure> {
        Ok(self.scratch.sql(statements).await?)
    }

    pub(crate) async fn query(&self, query: &str) -> Result<String, Failure> {
        Ok(self.scratch.query_one_text(query).await?)
    }

    /// Everything committed so far is before this. It lies before the end of a commit of its own, so that a
    /// walsender that has sent everything is past it, wherever pages of the log end.
    pub(crate) async fn mark(&self) -> Result<PgLsn, Failure> {
        let lsn = self.query("SELECT pg_logical_emit_message(true, 'bench', '')").await?;
        lsn.parse().map_err(|_| Failure::new(format!("no position: {lsn}")))
    }

    /// Whether that walsender has sent everything up to there.
    pub(crate) async fn has_sent(&self, walsender: &Sender, end: PgLsn) -> Result<bool, Failure> {
        let senders = self.scratch.walsenders().await?;
        let same = senders.into_iter().find(|sender| sender.pid == walsender.pid);
        let same = same.ok_or_else(|| Failure::new("the walsender has ended"))?;
        Ok(same.sent_lsn.is_some_and(|sent| sent >= end))
    }

    /// The server's processes for other sessions of who is measured.
    pub(crate) async fn sessions_beside(&self, walsender: i32) -> Result<Vec<u32>, Failure> {
        let pids = "SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity
            WHERE usename = 'nudger' AND backend_type = 'client backend' AND pid <> ";
        let pids = self.query(&format!("{pids}{walsender}")).await?;
        Ok(pids.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }

    /// The one walsender, as soon as it streams.
    pub(crate) async fn walsender(&self) -> Result<Sender, Failure> {
        let look = async || self.scratch.walsenders().await;
        let streams = |sender: &Sender| sender.state.as_deref() == Some("streaming");
        let wanted = |senders: &Vec<Sender>| matches!(&senders[..], [only] if streams(only));
        let senders = wait_until("one walsender streams", PATIENCE, look, wanted).await?;
        senders.into_iter().next().ok_or_else(|| Failure::new("no walsender"))
    }

    /// Waits until no walsender and no slot is left of the last one who was measured.
    pub(crate) async fn alone(&self) -> Result<(), Failure> {
        let look = async || Ok((self.scratch.walsenders().await?.len(), self.scratch.slots().await?));
        wait_until("nobody is connected", PATIENCE, look, |(senders, slots)| {
            *senders == 0 && slots.iter().all(|slot| slot.active_pid.is_none())
        })
        .await?;
        Ok(())
    }
}

/// For a state that comes by itself: long against what it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
