//! What the build and the suites need, and which of it is not there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Purpose;

/// One thing that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// OpenSSL's headers, or the pkg-config that finds them. (tokio-native-tls compiles
    /// against them on Linux; macOS and Windows bring a TLS library of their own.)
    OpensslHeaders,
    /// The program that makes the certificates of throwaway servers.
    OpensslProgram,
    /// The programs that look at processes and signal them. Minimal images come without.
    ProcessPrograms,
    /// The program that counts instructions.
    Valgrind,
    /// The connection pooler.
    PgBouncer,
    /// PostgreSQL's server programs.
    Server {
        /// Where they were looked for.
        cause: String,
        /// Somebody has named the directory: installing another server would not help.
        named: bool,
    },
    /// The second output plugin, on this server.
    #[cfg_attr(not(unix), expect(dead_code, reason = "no server is found there"))]
    Wal2json {
        /// The directory of the server's programs.
        bin: PathBuf,
        /// The server's version.
        version: String,
    },
}

impl Missing {
    /// Whether most of the suites run without it.
    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Self::Valgrind | Self::PgBouncer | Self::Wal2json { .. })
    }

    /// Whether a package can bring it.
    pub(crate) fn may_be_installed(&self) -> bool {
        match self {
            Self::OpensslHeaders
            | Self::OpensslProgram
            | Self::ProcessPrograms
            | Self::Valgrind
            | Self::PgBouncer => true,
            Self::Server { named, .. } => !named,
            Self::Wal2json { .. } => self.debian_major().is_some(),
        }
    }

    /// Whether it is a server that is missing, and nobody has asked for a certain one.
    pub(crate) fn any_server_would_do(&self) -> bool {
        matches!(self, Self::Server { named: false, .. })
    }

    /// The major version of the server that lacks wal2json, if it is one of Debian's packages.
    pub(crate) fn debian_major(&self) -> Option<&str> {
        let Self::Wal2json { bin, .. } = self else { return None };
        bin.strip_prefix("/usr/lib/postgresql").ok()?.parent()?.to_str()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpensslHeaders => f.write_str("OpenSSL's headers: `pkg-config --exists openssl` fails"),
            Self::OpensslProgram => f.write_str("the openssl program, which makes the servers' certificates"),
            Self::ProcessPrograms => {
                f.write_str("the programs ps and kill, with which the suites break servers")
            }
            Self::Valgrind => f.write_str("valgrind is missing: what needs it is SKIPPED"),
            Self::PgBouncer => f.write_str("PgBouncer is missing: what needs it is SKIPPED"),
            Self::Server { cause, .. } => f.write_str(cause),
            Self::Wal2json { bin, version } => write!(
                f,
                "wal2json is missing from PostgreSQL {version} ({}): what needs it is SKIPPED",
                bin.display()
            ),
        }
    }
}

/// Everything that is missing for that purpose. Takes some 50 ms when nothing is.
pub(crate) fn look(purpose: Purpose, bin_dirs: &[PathBuf]) -> Vec<Missing> {
    let mut missing = Vec::new();
    if cfg!(target_os = "linux") && !has_openssl_headers() {
        missing.push(Missing::OpensslHeaders);
    }
    if purpose == Purpose::Instructions && !has_valgrind() {
        missing.push(Missing::Valgrind);
    }
    if purpose == Purpose::Servers {
        if !runs(Command::new("openssl").arg("version")) {
            missing.push(Missing::OpensslProgram);
        }
        if cfg!(unix) && !(runs(&mut Command::new("ps")) && runs(Command::new("kill").arg("-l"))) {
            missing.push(Missing::ProcessPrograms);
        }
        if cfg!(unix) && !has_pgbouncer() {
            missing.push(Missing::PgBouncer);
        }
        missing.extend(servers::look(bin_dirs));
    }
    missing
}

/// The variables are those that the crate openssl-sys prefers to pkg-config.
fn has_openssl_headers() -> bool {
    ["OPENSSL_DIR", "OPENSSL_INCLUDE_DIR"].iter().any(|name| std::env::var_os(name).is_some())
        || runs(Command::new("pkg-config").args(["--exists", "openssl"]))
}

/// `PGNUDGE_PGBOUNCER` names another one than Debian's.
fn has_pgbouncer() -> bool {
    std::env::var_os("PGNUDGE_PGBOUNCER").is_some() || Path::new("/usr/sbin/pgbouncer").exists()
}

/// Whether instructions can be counted.
pub(crate) fn has_valgrind() -> bool {
    runs(Command::new("valgrind").arg("--version"))
}

/// Whether a command can be started and succeeds.
pub(crate) fn runs(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(unix)]
mod servers {
    use std::path::Path;

    use super::{Missing, PathBuf};
    use pgnudge_testserver::{Error, Installation};

    /// What is missing of each named server; without names, of the one that is found.
    pub(super) fn look(bin_dirs: &[PathBuf]) -> Vec<Missing> {
        let filled = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if bin_dirs.is_empty() && filled("EXTERNAL_POSTGRES_DSN") {
            return Vec::new();
        }
        if bin_dirs.is_empty() {
            return missing_of(Installation::find(&[]), filled("PGNUDGE_PG_BIN")).into_iter().collect();
        }
        let each = bin_dirs.iter().map(|dir| Installation::find(std::slice::from_ref(dir)));
        each.filter_map(|found| missing_of(found, true)).collect()
    }

    fn missing_of(found: Result<Installation, Error>, named: bool) -> Option<Missing> {
        let complete = found.and_then(|server| server.psql().map(Path::to_path_buf).map(|_| server));
        match complete {
            Err(error) => Some(Missing::Server { cause: error.cause().to_owned(), named }),
            Ok(server) if server.has_wal2json() => None,
            Ok(server) => Some(Missing::Wal2json {
                bin: server.bin().to_path_buf(),
                version: server.version().to_string(),
            }),
        }
    }
}

#[cfg(not(unix))]
mod servers {
    use super::{Missing, PathBuf};

    pub(super) fn look(_: &[PathBuf]) -> Vec<Missing> {
        let cause = "throwaway servers need a Unix shell".to_owned();
        vec![Missing::Server { cause, named: true }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wal2json_of(bin: &str) -> Missing {
        Missing::Wal2json { bin: bin.into(), version: "16.14".to_owned() }
    }

    #[test]
    fn a_package_brings_wal2json_to_a_packaged_server_alone() {
        assert_eq!(wal2json_of("/usr/lib/postgresql/16/bin").debian_major(), Some("16"));
        assert!(!wal2json_of("/opt/postgresql/16/bin").may_be_installed());
    }

    #[test]
    fn a_server_that_was_asked_for_is_not_replaced_by_a_package() {
        let directory = PathBuf::from("/nowhere");
        let missing = look(Purpose::Servers, &[directory]);
        let server =
            missing.iter().find(|item| matches!(item, Missing::Server { .. })).expect("no server there");
        assert!(!server.may_be_installed() && !server.any_server_would_do() && !server.is_optional());
        assert!(server.to_string().contains("/nowhere"), "{server}");
    }

    #[test]
    fn building_needs_no_server() {
        let missing = look(Purpose::Build, &[PathBuf::from("/nowhere")]);
        assert!(missing.iter().all(|item| *item == Missing::OpensslHeaders), "{missing:?}");
    }
}
