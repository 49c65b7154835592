//! Installs what is missing on Debian and Ubuntu, with as small a footprint as the packages allow.

use std::path::Path;
use std::process::Command;

use super::missing::{self, Missing};
use crate::cargo;
use crate::failure::Failure;

/// Installs what can be installed. What is missing afterwards is not to be had from here.
///
/// # Errors
/// When apt-get fails.
pub(crate) fn install(wanted: &[Missing]) -> Result<(), Failure> {
    // For what is optional the lists are fetched only where there are none: a distribution may
    // not have it, and then each run would ask the network in vain.
    if wanted.iter().any(|item| !item.is_optional()) || !has_lists() {
        // A broken third-party repository is no reason to give up: the installation will tell.
        let _ = cargo::run(&mut apt_get(&["update"]));
    }
    let packages: Vec<String> =
        wanted.iter().filter(|item| item.may_be_installed()).flat_map(packages).collect();
    let (known, unknown): (Vec<_>, Vec<_>) = packages.into_iter().partition(|package| knows(package));
    if !unknown.is_empty() {
        eprintln!("note: no package here: {}", unknown.join(" "));
    }
    if known.is_empty() {
        return Ok(());
    }
    let _no_cluster = wanted.iter().any(Missing::any_server_would_do).then(NoDefaultCluster::declare);
    let mut install = apt_get(&["install", "--yes", "--no-install-recommends"]);
    cargo::run(install.args(known))
}

/// The packages that bring it. The lists have to be there for the server's version.
pub(crate) fn packages(wanted: &Missing) -> Vec<String> {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    match wanted {
        Missing::OpensslHeaders => words("libssl-dev pkg-config"),
        Missing::OpensslProgram => words("openssl ca-certificates"),
        Missing::ProcessPrograms => words("procps"),
        Missing::Valgrind => words("valgrind"),
        Missing::PgBouncer => words("pgbouncer"),
        Missing::Server { .. } => match offered_major() {
            Some(major) => words(&format!("postgresql-{major} postgresql-{major}-wal2json")),
            None => words("postgresql"),
        },
        Missing::Wal2json { .. } => match wanted.debian_major() {
            Some(major) => words(&format!("postgresql-{major}-wal2json")),
            None => Vec::new(),
        },
    }
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    // A machine that has just been started updates itself and holds the lock.
    command.args(["-q", "-o", "DPkg::Lock::Timeout=120"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8").stdout(std::io::stderr());
    command
}

/// Whether `apt-get update` has ever run here. Images of containers come without the lists.
fn has_lists() -> bool {
    let lists = Path::new("/var/lib/apt/lists").read_dir();
    lists.is_ok_and(|mut lists| {
        lists.any(|list| list.is_ok_and(|list| list.file_name().to_string_lossy().contains("_Packages")))
    })
}

fn knows(package: &str) -> bool {
    missing::runs(Command::new("apt-cache").args(["show", package]))
}

/// The major version that the metapackage `postgresql` stands for here.
fn offered_major() -> Option<String> {
    let output = Command::new("apt-cache").args(["depends", "postgresql"]).output().ok()?;
    major_in(&String::from_utf8_lossy(&output.stdout))
}

fn major_in(depends: &str) -> Option<String> {
    let package = |line: &str| line.trim().strip_prefix("Depends: postgresql-").map(str::to_owned);
    depends.lines().filter_map(package).find(|major| major.bytes().all(|byte| byte.is_ascii_digit()))
}

/// While it lives, installing a server package does not make and start Debian's default
/// cluster, which nobody here wants on port 5432.
///
/// It is a file of its own in the directory that `createcluster.conf` includes, so that no
/// configuration file is edited; dropping it leaves the machine as the packages left it.
struct NoDefaultCluster;

impl NoDefaultCluster {
    fn declare() -> Self {
        let file = Path::new(DROP_IN);
        let written = file
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(file, NO_CLUSTER));
        if let Err(error) = written {
            eprintln!("note: {DROP_IN}: {error}; the package may start a server of its own");
        }
        Self
    }
}

impl Drop for NoDefaultCluster {
    fn drop(&mut self) {
        let file = Path::new(DROP_IN);
        let _ = std::fs::remove_file(file);
        // The directories that had to be made for it; those that hold something stay.
        for directory in file.ancestors().skip(1).take(2) {
            let _ = std::fs::remove_dir(directory);
        }
    }
}

const DROP_IN: &str = "/etc/postgresql-common/createcluster.d/pgnudge-setup.conf";
const NO_CLUSTER: &str = "\
# Written by `cargo xtask setup` of pgnudge while it installs a server. It may be removed.
create_main_cluster = false
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offered_version_is_read_from_the_metapackage() {
        let depends = "postgresql\n  Depends: postgresql-common\n  Depends: postgresql-17\n  Suggests: postgresql-doc\n";
        assert_eq!(major_in(depends).as_deref(), Some("17"));
        assert_eq!(major_in(""), None);
    }
}
