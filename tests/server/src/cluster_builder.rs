//! Makes a throwaway cluster: directory, initdb, certificate, configuration, start, roles.

use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::certificate;
use crate::cluster::Cluster;
use crate::configuration::{Configuration, PG_HBA};
use crate::error::Error;
use crate::guardian::Guardian;
use crate::installation::Installation;
use crate::port;

/// What a throwaway cluster shall be like. The default: `wal_level = logical`, with TLS.
#[derive(Clone, Debug)]
pub struct ClusterBuilder {
    wal_level: String,
    tls: bool,
    lines: Vec<String>,
    /// The port of the cluster that it follows, if it is a standby.
    primary: Option<u16>,
}

impl ClusterBuilder {
    pub(crate) fn new() -> Self {
        Self { wal_level: "logical".to_owned(), tls: true, lines: Vec::new(), primary: None }
    }

    /// The `wal_level`: `logical` (the default), `replica` or `minimal`. The last one also
    /// needs the line `max_wal_senders = 0`.
    #[must_use]
    pub fn wal_level(mut self, level: impl Into<String>) -> Self {
        self.wal_level = level.into();
        self
    }

    /// Whether the server offers TLS. On by default; without an openssl program it stays off,
    /// and [`Cluster::certificate`] says so.
    #[must_use]
    pub fn tls(mut self, wanted: bool) -> Self {
        self.tls = wanted;
        self
    }

    /// A further line of `postgresql.conf`. It wins over every setting made here.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// A streaming standby of that cluster, made with `pg_basebackup`: its roles and databases are
    /// the primary's.
    #[must_use]
    pub fn standby_of(mut self, primary: &Cluster) -> Self {
        self.primary = Some(primary.port());
        self
    }

    /// Makes the cluster and starts it; it takes connections when this returns.
    ///
    /// # Errors
    /// When a program is missing or fails: its words, and the end of the server's log.
    pub fn start(&self, installation: &Installation) -> Result<Cluster, Error> {
        installation.psql()?;
        let account = Account::for_servers()?;
        let pg_ctl = installation.program("pg_ctl");
        let mut guardian = Guardian::start(&account, &short_temporary_directory(), &pg_ctl)?;
        match self.primary {
            None => init(&mut guardian, installation)?,
            Some(port) => copy(&mut guardian, installation, port)?,
        }
        let certificate = if self.tls {
            certificate::make(&mut guardian)
        } else {
            Err(Error::new("TLS is off in this cluster: it was made without"))
        };
        let mut cluster = Cluster::new(guardian, installation.clone(), certificate);
        self.start_on_a_free_port(&mut cluster)?;
        if self.primary.is_none() {
            cluster.psql_in("postgres", ROLE_AND_DATABASE)?;
        }
        Ok(cluster)
    }

    /// A port that was free a moment ago may be taken by the time the server asks for it.
    fn start_on_a_free_port(&self, cluster: &mut Cluster) -> Result<(), Error> {
        let lists_plugins = cluster.installation().knows_setting("output_plugin_libraries")?;
        let mut attempts = 5;
        loop {
            cluster.set_port(port::free()?);
            let configuration = Configuration {
                port: cluster.port(),
                socket_dir: cluster.socket_dir(),
                wal_level: &self.wal_level,
                tls: cluster.certificate().is_ok(),
                lists_plugins,
                extra: &self.lines,
            };
            write(&cluster.data_dir().join("postgresql.conf"), &configuration.postgresql_conf())?;
            match cluster.start() {
                Err(error) if attempts > 1 && error.cause().contains("could not bind") => {
                    attempts -= 1;
                }
                result => return result,
            }
        }
    }
}

/// What every suite expects to be there.
const ROLE_AND_DATABASE: &str =
    "CREATE ROLE nudger LOGIN REPLICATION PASSWORD 'nudger'; CREATE DATABASE app;";

fn init(guardian: &mut Guardian, installation: &Installation) -> Result<(), Error> {
    let password = guardian.directory().join("password");
    let data = guardian.directory().join("data");
    write(&password, "postgres\n")?;
    let [initdb, data_text, password] =
        [&installation.program("initdb"), &data, &password].map(|path| path.to_string_lossy().into_owned());
    let pwfile = format!("--pwfile={password}");
    let mut step = vec![initdb.as_str(), "-D", &data_text, "-U", "postgres", &pwfile];
    step.extend(["--auth-local=trust", "--auth-host=scram-sha-256"]);
    step.extend(["--encoding=UTF8", "--locale=C", "--no-sync"]);
    guardian.run(&step)?;
    write(&data.join("pg_hba.conf"), PG_HBA)
}

/// With `-R` the copy knows by itself that it is a standby, and of whom.
fn copy(guardian: &mut Guardian, installation: &Installation, port: u16) -> Result<(), Error> {
    let paths = [installation.program("pg_basebackup"), guardian.directory().join("data")];
    let [program, data] = paths.map(|path| path.to_string_lossy().into_owned());
    let primary = format!("host=127.0.0.1 port={port} user=nudger password=nudger");
    guardian.run(&[&program, "-D", &data, "-d", &primary, "-R", "-c", "fast", "--no-sync"])
}

fn write(file: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(file, text)
        .map_err(|error| Error::new(format!("{} cannot be written: {error}", file.display())))
}

/// The path of a unix socket has room for some 100 bytes. macOS has a long `TMPDIR`.
fn short_temporary_directory() -> PathBuf {
    let directory = std::env::temp_dir();
    if directory.as_os_str().len() <= 60 { directory } else { PathBuf::from("/tmp") }
}
