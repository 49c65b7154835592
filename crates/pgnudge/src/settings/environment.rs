//! Everything around the process that settings depend on, as one value.
//!
//! libpq reads variables, files and the user's name from the process whenever it
//! likes. Here they come in as an [`Environment`], so that resolving settings is
//! a function of its arguments: tests need not change the process, and a program
//! can decide to depend on nothing but its text.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{FileKind, Files, ProcessFiles};
use super::os_user::OsUser;

/// Variables, home directory, user name and files.
///
/// `Debug` shows the names of the variables and never a value: `PGPASSWORD` is
/// one of them.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    /// What the program says beside its text, which counts more than that.
    settings: Vec<(String, String)>,
    home: Option<PathBuf>,
    os_user: Option<String>,
    platform: Platform,
    files: Arc<dyn Files>,
}

/// Which of libpq's two sets of customs applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Sockets in the file system, dot files in the home directory, permission bits.
    Unix,
    /// TCP only, files in `%APPDATA%\postgresql`.
    Windows,
}

impl Environment {
    /// The environment of this process, as it is now.
    ///
    /// Copies the variables that settings may ask for (`PG*`) and finds out home
    /// directory and user name. Files are looked at when settings are resolved.
    pub fn of_process() -> Self {
        let mut environment = Self::bare(ProcessFiles);
        let user = OsUser::of_process(&ProcessFiles);
        environment.home = match environment.platform {
            Platform::Unix => {
                filled("HOME").map(PathBuf::from).or_else(|| user.as_ref().map(|user| user.home.clone()))
            }
            Platform::Windows => filled("APPDATA").map(|dir| Path::new(&dir).join("postgresql")),
        };
        environment.os_user = user.map(|user| user.name).or_else(|| {
            let names = ["USER", "LOGNAME", "USERNAME"];
            names.into_iter().find_map(filled)?.into_string().ok()
        });
        for (name, value) in std::env::vars_os() {
            if let Some(name) = name.to_str().filter(|name| name.starts_with("PG")) {
                environment = environment.with_variable(name, value);
            }
        }
        environment
    }

    /// An environment without variables, home directory and user name.
    pub fn bare(files: impl Files + 'static) -> Self {
        Self {
            variables: BTreeMap::new(),
            settings: Vec::new(),
            home: None,
            os_user: None,
            platform: if cfg!(windows) { Platform::Windows } else { Platform::Unix },
            files: Arc::new(files),
        }
    }

    /// Sets a variable. An empty value is a value, as in libpq.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a keyword of libpq's, whatever text, service file and variables say.
    #[must_use]
    pub fn with_setting(mut self, keyword: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((keyword.into(), value.into()));
        self
    }

    pub(super) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Sets the home directory; on Windows `%APPDATA%\postgresql` takes its place.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// Sets the name of the operating system's user, the default of `user`.
    #[must_use]
    pub fn with_os_user(mut self, name: impl Into<String>) -> Self {
        self.os_user = Some(name.into());
        self
    }

    /// Chooses the customs, whatever this program was built for.
    #[must_use]
    pub fn with_platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str)
    }

    pub(super) fn os_user(&self) -> Option<&str> {
        self.os_user.as_deref()
    }

    pub(super) fn platform(&self) -> Platform {
        self.platform
    }

    pub(super) fn files(&self) -> &dyn Files {
        &*self.files
    }

    /// The password file that is used when none is named.
    pub(super) fn default_passfile(&self) -> Option<PathBuf> {
        let name = match self.platform {
            Platform::Unix => ".pgpass",
            Platform::Windows => "pgpass.conf",
        };
        self.home.as_ref().map(|home| home.join(name))
    }

    /// The user's service file, if it exists.
    pub(super) fn user_service_file(&self) -> Option<PathBuf> {
        let path = self.home.as_ref()?.join(".pg_service.conf");
        self.files.facts(&path).is_ok().then_some(path)
    }

    /// The machine's service file, if it exists.
    ///
    /// libpq has one directory compiled in; distributions differ. Those of
    /// Debian and Red Hat are tried when `PGSYSCONFDIR` is not set.
    pub(super) fn system_service_file(&self) -> Option<PathBuf> {
        let named = self.variable("PGSYSCONFDIR").map(PathBuf::from);
        let directories = match named {
            Some(directory) => vec![directory],
            None => SYSTEM_DIRECTORIES.iter().map(PathBuf::from).collect(),
        };
        let mut paths = directories.into_iter().map(|dir| dir.join("pg_service.conf"));
        paths.find(|path| self.files.facts(path).is_ok())
    }

    /// A file among the user's certificates and keys.
    pub(super) fn certificate_file(&self, name: &str) -> Option<PathBuf> {
        let home = self.home.as_ref()?;
        Some(match self.platform {
            Platform::Unix => home.join(".postgresql").join(name),
            Platform::Windows => home.join(name),
        })
    }

    /// Where a local server's socket is: Debian's directory if it exists, `/tmp`
    /// otherwise. libpq has one of the two compiled in. None on Windows.
    pub(super) fn default_socket_directory(&self) -> Option<&'static str> {
        let exists = |dir: &str| {
            let facts = self.files.facts(Path::new(dir));
            facts.is_ok_and(|facts| facts.kind == FileKind::Directory)
        };
        match self.platform {
            Platform::Unix if exists(DEBIAN_SOCKETS) => Some(DEBIAN_SOCKETS),
            Platform::Unix => Some(UPSTREAM_SOCKETS),
            Platform::Windows => None,
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("home", &self.home)
            .field("os_user", &self.os_user)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

/// A variable of the process, unless it is empty.
fn filled(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

const SYSTEM_DIRECTORIES: [&str; 2] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql"];
const DEBIAN_SOCKETS: &str = "/var/run/postgresql";
const UPSTREAM_SOCKETS: &str = "/tmp";
