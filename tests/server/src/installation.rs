//! A directory with PostgreSQL's server programs, found and looked into.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::search::{Search, VARIABLE};
use crate::version::Version;
use crate::{libraries, program};

/// The programs of one PostgreSQL server, and what it has to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    bin: PathBuf,
    /// Where its programs are, best first: `bin`, what its links lead to, `PATH`.
    directories: Vec<PathBuf>,
    psql: Option<PathBuf>,
    version: Version,
    wal2json: bool,
}

impl Installation {
    /// The environment variable that names the directory of the server programs.
    pub const VARIABLE: &str = VARIABLE;

    /// Finds a server: in the given directories; without any, in the one that
    /// `PGNUDGE_PG_BIN` names; without that, on `PATH` and where distributions put it.
    ///
    /// # Errors
    /// When no directory holds `postgres`, `initdb` and `pg_ctl`: what was looked at, and
    /// what to install or set.
    pub fn find(named: &[PathBuf]) -> Result<Self, Error> {
        Self::search(&Search::here(named))
    }

    pub(crate) fn search(search: &Search) -> Result<Self, Error> {
        let directories = search.directories();
        let found = directories.iter().find(|dir| PROGRAMS.iter().all(|program| has(dir, program)));
        match found {
            Some(bin) => Self::at(bin, search),
            None => Err(nothing_found(search, &directories)),
        }
    }

    fn at(bin: &Path, search: &Search) -> Result<Self, Error> {
        // Programs run in another working directory than ours.
        let bin = std::path::absolute(bin).unwrap_or_else(|_| bin.to_path_buf());
        let postgres = bin.join("postgres");
        let line = program::output_of(program::command(&postgres).arg("-V"))?;
        let version = Version::from_program_output(&line).ok_or_else(|| {
            Error::new(format!("{} -V printed {:?}", postgres.display(), line.trim()))
                .with_remedy(format!("name the directory of a PostgreSQL server in {VARIABLE}"))
        })?;
        let real = postgres.canonicalize().ok().and_then(|program| Some(program.parent()?.to_path_buf()));
        let on_path = search.path.iter().flat_map(std::env::split_paths);
        let directories: Vec<_> = [bin.clone()].into_iter().chain(real).chain(on_path).collect();
        Ok(Self {
            psql: program::first_in(&directories, "psql"),
            wal2json: libraries::has_library(&postgres, "wal2json"),
            bin,
            directories,
            version,
        })
    }

    /// The directory of the programs.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The server's version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Whether the library of wal2json is installed. (Newer minor releases load it only where
    /// `output_plugin_libraries` lists it; a [`Cluster`](crate::Cluster) does.)
    #[must_use]
    pub fn has_wal2json(&self) -> bool {
        self.wal2json
    }

    /// The path of a program of PostgreSQL's: beside the server's, else on `PATH`. (A directory
    /// of links need not have a link to each.)
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        program::first_in(&self.directories, name).unwrap_or_else(|| self.bin.join(name))
    }

    /// The path of `psql`.
    ///
    /// # Errors
    /// When there is none: what to install.
    pub fn psql(&self) -> Result<&Path, Error> {
        self.psql.as_deref().ok_or_else(|| {
            Error::new(format!("psql is neither in {} nor on PATH", self.bin.display()))
                .with_remedy("install PostgreSQL's client programs (Debian: postgresql-client)")
        })
    }

    /// Whether this server knows that setting, from `postgres --describe-config`.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub(crate) fn knows_setting(&self, name: &str) -> Result<bool, Error> {
        let mut command = program::command(self.program("postgres"));
        let settings = program::output_of(command.arg("--describe-config"))?;
        Ok(settings.lines().any(|line| line.split('\t').next() == Some(name)))
    }
}

/// The programs without which no cluster can be made.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_ctl"];

fn has(dir: &Path, name: &str) -> bool {
    program::is_executable(&dir.join(name))
}

fn nothing_found(search: &Search, directories: &[PathBuf]) -> Error {
    let mut cause = format!("no PostgreSQL server: looked at {}", search.description());
    if let Some(partial) = directories.iter().find(|dir| has(dir, "postgres")) {
        let missing = PROGRAMS.iter().find(|program| !has(partial, program)).unwrap_or(&"initdb");
        cause.push_str(&format!(" ({} has postgres, but no {missing})", partial.display()));
    }
    let by_hand = !search.named.is_empty() || search.variable.is_some();
    Error::new(cause).with_remedy(if by_hand {
        "name the directory that holds postgres, initdb and pg_ctl".to_owned()
    } else {
        format!(
            "install a server (Debian: apt-get install postgresql; Fedora: dnf install \
             postgresql-server; macOS: brew install postgresql@17), or name the directory of \
             its programs in {VARIABLE}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_root::FakeRoot;

    #[track_caller]
    fn check(search: &Search, expected: &str) {
        let found = Installation::search(search).expect("an installation");
        assert_eq!(found.version().to_string(), expected);
    }

    #[test]
    fn directories_named_by_the_caller_come_before_the_variable_and_path() {
        let root = FakeRoot::new("order");
        root.server("usr/lib/postgresql/15/bin", "15.20");
        let path = root.server("path", "16.14");
        let variable = root.server("variable", "17.11");
        let named = root.server("named", "18.6");
        let mut search = root.search();
        check(&search, "15.20");
        search.path = Some(path.into());
        check(&search, "16.14");
        search.variable = Some(variable.into());
        check(&search, "17.11");
        search.named = vec![root.path("nowhere"), named];
        check(&search, "18.6");
    }

    #[test]
    fn the_newest_version_of_a_distribution_comes_first() {
        let root = FakeRoot::new("newest");
        for version in ["9.6", "10", "17"] {
            root.server(&format!("usr/lib/postgresql/{version}/bin"), version);
        }
        root.file("usr/lib/postgresql/18/lib/only-a-client.so");
        check(&root.search(), "17");
    }

    #[test]
    fn a_directory_without_initdb_is_passed_over() {
        let root = FakeRoot::new("incomplete");
        root.script("path/postgres", "exit 1");
        root.server("usr/pgsql-16/bin", "16.14");
        let mut search = root.search();
        search.path = Some(root.path("path").into());
        check(&search, "16.14");
    }

    #[test]
    fn a_directory_named_by_hand_is_never_replaced_by_another() {
        let root = FakeRoot::new("typing-error");
        root.server("usr/lib/postgresql/15/bin", "15.20");
        let mut search = root.search();
        search.variable = Some(root.path("nowhere").into());
        let error = Installation::search(&search).expect_err("nothing there");
        assert!(error.cause().contains(VARIABLE), "{error}");
        assert_eq!(error.remedy(), Some("name the directory that holds postgres, initdb and pg_ctl"));
    }

    #[test]
    fn without_any_server_the_error_tells_where_it_looked_and_what_to_install() {
        let root = FakeRoot::new("nothing");
        let mut search = root.search();
        root.script("path/postgres", "exit 1");
        search.path = Some(root.path("path").into());
        let error = Installation::search(&search).expect_err("nothing there");
        assert!(error.cause().contains("looked at PATH, /usr/lib/postgresql/*/bin"), "{error}");
        assert!(error.cause().contains("path has postgres, but no initdb"), "{error}");
        let remedy = error.remedy().expect("a remedy");
        assert!(remedy.contains("apt-get install postgresql") && remedy.contains(VARIABLE), "{error}");
    }

    #[test]
    fn a_program_of_that_name_that_is_no_server_is_an_error() {
        let root = FakeRoot::new("impostor");
        let dir = root.server("named", "15.20");
        root.script("named/postgres", "echo hello");
        let mut search = root.search();
        search.named = vec![dir];
        let error = Installation::search(&search).expect_err("not a server");
        assert!(error.cause().contains("postgres -V printed \"hello\""), "{error}");
    }

    #[test]
    fn further_programs_are_found_beside_the_real_server_behind_links() {
        let root = FakeRoot::new("links");
        let real = root.server("real", "15.20");
        root.script("real/pg_recvlogical", "exit 0");
        let mut search = root.search();
        search.path = Some(root.path("path").into());
        for program in PROGRAMS {
            root.link(&format!("path/{program}"), &real.join(program));
        }
        let found = Installation::search(&search).expect("an installation");
        assert_eq!(found.bin(), root.path("path"));
        assert_eq!(found.program("postgres"), root.path("path/postgres"));
        assert_eq!(found.program("pg_recvlogical"), real.join("pg_recvlogical"));
    }

    #[test]
    fn psql_is_taken_from_path_when_it_is_not_beside_the_server() {
        let root = FakeRoot::new("psql");
        let mut search = root.search();
        search.named = vec![root.server("server", "15.20")];
        let without = Installation::search(&search).expect("an installation");
        assert!(without.psql().expect_err("no psql").remedy().is_some());
        root.script("client/psql", "exit 0");
        search.path = Some(root.path("client").into());
        let with = Installation::search(&search).expect("an installation");
        assert_eq!(with.psql().expect("psql"), root.path("client/psql"));
    }
}
