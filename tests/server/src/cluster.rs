//! A running throwaway cluster.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::cluster_builder::ClusterBuilder;
use crate::error::Error;
use crate::guardian::Guardian;
use crate::installation::Installation;
use crate::psql;
use crate::version::Version;

/// A PostgreSQL server of our own: on 127.0.0.1 and a unix socket, with the superuser
/// `postgres`/`postgres`, the role `nudger`/`nudger` (LOGIN REPLICATION) and the database `app`.
///
/// Dropping it stops the server and removes its directory; so does the death of this process.
/// ```no_run
/// use pgnudge_testserver::{Cluster, Installation};
///
/// let cluster = Cluster::builder().line("log_statement = all").start(&Installation::find(&[])?)?;
/// assert_eq!(cluster.psql("SELECT current_database()")?, "app");
/// # Ok::<(), pgnudge_testserver::Error>(())
/// ```
#[derive(Debug)]
pub struct Cluster {
    guardian: Mutex<Guardian>,
    installation: Installation,
    directory: PathBuf,
    certificate: Result<PathBuf, Error>,
    port: u16,
}

/// How a server is asked to stop; see `pg_ctl stop` in the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Sessions are ended, walsenders are waited for, the data is written.
    Fast,
    /// Everything is dropped at once, as in a crash; the next start recovers.
    Immediate,
}

impl Cluster {
    /// What a cluster shall be like, and [`start`](ClusterBuilder::start).
    #[must_use]
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::new()
    }

    pub(crate) fn new(
        guardian: Guardian,
        installation: Installation,
        certificate: Result<PathBuf, Error>,
    ) -> Self {
        let directory = guardian.directory().to_path_buf();
        Self { guardian: Mutex::new(guardian), installation, directory, certificate, port: 0 }
    }

    pub(crate) fn set_port(&mut self, port: u16) {
        self.port = port;
    }

    /// The TCP port on 127.0.0.1, also in the name of the unix socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of the unix socket, where every user is trusted.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.directory
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The server's log, which grows while it runs.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// The server's certificate (PEM), which signs itself, for localhost and 127.0.0.1.
    ///
    /// # Errors
    /// When TLS is off in this cluster: why.
    pub fn certificate(&self) -> Result<&Path, Error> {
        self.certificate.as_deref().map_err(Clone::clone)
    }

    /// The programs that this server is made of.
    #[must_use]
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The server's version.
    #[must_use]
    pub fn version(&self) -> &Version {
        self.installation.version()
    }

    /// A connection URI over TCP.
    #[must_use]
    pub fn dsn(&self, user: &str, password: &str, database: &str) -> String {
        let [user, password, database] = [user, password, database].map(percent_encoded);
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as the superuser in the database `app`, with psql over the unix socket.
    /// Returns the rows: one line each, columns separated by `|`.
    ///
    /// # Errors
    /// When psql is missing, or what it says about the statement.
    pub fn psql(&self, sql: &str) -> Result<String, Error> {
        self.psql_in("app", sql)
    }

    /// [`psql`](Self::psql) in another database.
    ///
    /// # Errors
    /// As there.
    pub fn psql_in(&self, database: &str, sql: &str) -> Result<String, Error> {
        psql::run(self, database, sql)
    }

    /// Starts the server after a [`stop`](Self::stop), on the same port.
    ///
    /// # Errors
    /// When it does not start: the words of pg_ctl and the end of the server's log.
    pub fn start(&self) -> Result<(), Error> {
        let log = self.log_file().to_string_lossy().into_owned();
        self.pg_ctl(&["-l", &log, "start"]).map_err(|error| {
            let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(20)..].join("\n");
            Error::new(format!("{}\n{end}", error.cause()))
        })
    }

    /// Stops the server and keeps its data; returns when it has ended.
    ///
    /// # Errors
    /// When it does not end within a minute, or was not running.
    pub fn stop(&self, mode: StopMode) -> Result<(), Error> {
        let mode = match mode {
            StopMode::Fast => "fast",
            StopMode::Immediate => "immediate",
        };
        self.pg_ctl(&["-m", mode, "stop"])
    }

    /// [`stop`](Self::stop) and [`start`](Self::start).
    ///
    /// # Errors
    /// As there.
    pub fn restart(&self, mode: StopMode) -> Result<(), Error> {
        self.stop(mode)?;
        self.start()
    }

    /// The process id of the server's first process.
    ///
    /// # Errors
    /// When the server is not running.
    pub fn postmaster_pid(&self) -> Result<u32, Error> {
        let file = std::fs::read_to_string(self.data_dir().join("postmaster.pid"));
        let pid = file.ok().and_then(|text| text.lines().next()?.parse().ok());
        pid.ok_or_else(|| Error::new("the server is not running: no postmaster.pid"))
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<(), Error> {
        let pg_ctl = self.installation.program("pg_ctl").to_string_lossy().into_owned();
        let data = self.data_dir().to_string_lossy().into_owned();
        let mut step = vec![pg_ctl.as_str(), "-D", &data, "-w", "-t", "60"];
        step.extend(arguments);
        // A thread that panicked between two steps has not broken the guardian.
        self.guardian.lock().unwrap_or_else(PoisonError::into_inner).run(&step)
    }
}

/// Text as one part of a URI: whatever is not a letter, digit or one of `-._~` is escaped.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_escape_what_separates_their_parts() {
        assert_eq!(percent_encoded("p@ss:/w%rd-_.~9"), "p%40ss%3A%2Fw%25rd-_.~9");
    }
}
