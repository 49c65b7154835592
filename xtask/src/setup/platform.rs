//! Which machine this is, and the words to type on it.

use std::collections::BTreeSet;
use std::process::Command;

use super::apt;
use super::missing::{self, Missing};

/// How software is installed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// Debian or Ubuntu, and we are root.
    AptAsRoot,
    /// Debian or Ubuntu.
    Apt,
    /// Fedora and its relatives.
    Dnf,
    /// Alpine.
    Apk,
    /// Homebrew.
    Brew,
    /// Windows.
    Windows,
    /// None that we know.
    Other,
}

impl Platform {
    /// The platform of this machine.
    pub(crate) fn here() -> Self {
        let has = |program: &str| missing::runs(Command::new(program).arg("--version"));
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Brew
        } else if has("apt-get") {
            if is_root() { Self::AptAsRoot } else { Self::Apt }
        } else if has("dnf") {
            Self::Dnf
        } else if has("apk") {
            Self::Apk
        } else {
            Self::Other
        }
    }

    /// What to do to get these things, as one sentence or one command line.
    pub(crate) fn advice(self, missing: &[&Missing]) -> String {
        if self == Self::Windows {
            return "run this in WSL: the library and the program build here, the suites do not run"
                .to_owned();
        }
        if missing.iter().any(|item| matches!(item, Missing::Server { named: true, .. })) {
            return "name the directory that holds postgres, initdb, pg_ctl and psql".to_owned();
        }
        let packages: BTreeSet<String> = missing.iter().flat_map(|item| self.packages(item)).collect();
        let packages = packages.into_iter().collect::<Vec<_>>().join(" ");
        match self {
            _ if packages.is_empty() => NO_PACKAGE.to_owned(),
            Self::AptAsRoot => format!("apt-get update && apt-get install {packages}"),
            Self::Apt => format!("sudo apt-get update && sudo apt-get install {packages}"),
            Self::Dnf => format!("sudo dnf install {packages}"),
            Self::Apk => format!("apk add {packages}"),
            Self::Brew => format!("brew install {packages}"),
            Self::Windows | Self::Other => format!("install {packages} with your system's package manager"),
        }
    }

    fn packages(self, missing: &Missing) -> Vec<String> {
        if matches!(self, Self::AptAsRoot | Self::Apt) {
            return apt::packages(missing);
        }
        let names: &[&str] = match (self, missing) {
            (Self::Dnf, Missing::OpensslHeaders) => &["openssl-devel", "pkgconf-pkg-config"],
            (Self::Apk, Missing::OpensslHeaders) => &["openssl-dev", "pkgconf"],
            (_, Missing::OpensslHeaders) => &["openssl", "pkg-config"],
            (_, Missing::OpensslProgram) => &["openssl"],
            (Self::Dnf, Missing::ProcessPrograms) => &["procps-ng"],
            (_, Missing::ProcessPrograms) => &["procps"],
            (_, Missing::Valgrind) => &["valgrind"],
            (_, Missing::PgBouncer) => &["pgbouncer"],
            (Self::Dnf, Missing::Server { .. }) => &["postgresql-server", "postgresql-contrib"],
            (Self::Apk, Missing::Server { .. }) => &["postgresql17", "postgresql17-contrib"],
            (Self::Brew, Missing::Server { .. }) => &["postgresql@17"],
            (_, Missing::Server { .. }) => &["postgresql"],
            (Self::Dnf | Self::Brew, Missing::Wal2json { .. }) => &["wal2json"],
            (_, Missing::Wal2json { .. }) => &[],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// It is about wal2json then: everything else has a package everywhere.
const NO_PACKAGE: &str = "no package of it is known for this server: build it from source, or name the programs \
                          of another server in PGNUDGE_PG_BIN";

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether a container engine runs here. The live suite takes its server from it then.
pub(crate) fn has_container_engine() -> bool {
    ["docker", "podman"].iter().any(|engine| missing::runs(Command::new(engine).arg("info")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_server(named: bool) -> Missing {
        Missing::Server { cause: "nothing found".to_owned(), named }
    }

    #[test]
    fn every_platform_has_advice_for_everything() {
        use Platform::{Apk, Apt, AptAsRoot, Brew, Dnf, Other, Windows};
        let wal2json = Missing::Wal2json { bin: "/opt/pg/bin".into(), version: "18.6".to_owned() };
        for platform in [AptAsRoot, Apt, Dnf, Apk, Brew, Windows, Other] {
            for item in [
                Missing::OpensslHeaders,
                Missing::OpensslProgram,
                Missing::ProcessPrograms,
                Missing::Valgrind,
                no_server(false),
                wal2json.clone(),
            ] {
                assert!(platform.advice(&[&item]).len() > 10, "{platform:?} {item:?}");
            }
        }
        assert_eq!(
            Dnf.advice(&[&Missing::OpensslHeaders, &no_server(false)]),
            "sudo dnf install openssl-devel pkgconf-pkg-config postgresql-contrib postgresql-server"
        );
    }

    #[test]
    fn a_directory_named_wrong_is_not_answered_with_a_package() {
        assert!(Platform::Dnf.advice(&[&no_server(true)]).starts_with("name the directory"));
    }
}
