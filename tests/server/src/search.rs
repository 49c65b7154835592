//! Where PostgreSQL's server programs may be: an ordered list of directories.
//!
//! A directory named by hand (by the caller, or in `PGNUDGE_PG_BIN`) is the only place looked
//! at: whoever names one wants that server, not another one because of a typing error.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The environment variable that names the directory of the server programs.
pub(crate) const VARIABLE: &str = "PGNUDGE_PG_BIN";

/// What a search starts from. The tests give it a file system of their own.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) named: Vec<PathBuf>,
    pub(crate) variable: Option<OsString>,
    pub(crate) path: Option<OsString>,
    pub(crate) root: PathBuf,
}

impl Search {
    /// A search on this machine; `named` are the directories that the caller asks for.
    pub(crate) fn here(named: &[PathBuf]) -> Self {
        Self {
            named: named.to_vec(),
            variable: std::env::var_os(VARIABLE).filter(|value| !value.is_empty()),
            path: std::env::var_os("PATH"),
            root: PathBuf::from("/"),
        }
    }

    /// The directories to look into, best first.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        if !self.named.is_empty() {
            return self.named.clone();
        }
        if let Some(variable) = &self.variable {
            return vec![PathBuf::from(variable)];
        }
        let on_path = self.path.iter().flat_map(std::env::split_paths);
        on_path.chain(LAYOUTS.iter().flat_map(|layout| expand(&self.root, layout))).collect()
    }

    /// How the search went, for an error: in words, not as the two hundred directories of `PATH`.
    pub(crate) fn description(&self) -> String {
        if !self.named.is_empty() {
            let names: Vec<_> = self.named.iter().map(|dir| dir.display().to_string()).collect();
            return names.join(", ");
        }
        match &self.variable {
            Some(variable) => format!("{VARIABLE}={}", Path::new(variable).display()),
            None => format!("PATH, {}", LAYOUTS.join(", ")),
        }
    }
}

/// Where distributions and installers put the server programs, apart from `PATH`.
/// At most one component holds a `*`; it stands for a version, and the newest comes first.
const LAYOUTS: [&str; 11] = [
    "/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
    "/usr/pgsql-*/bin",                                   // PGDG packages for RHEL
    "/usr/libexec/postgresql*",                           // Alpine
    "/usr/lib/postgresql*/bin",                           // SUSE
    "/usr/lib64/postgresql-*/bin",                        // Gentoo
    "/usr/local/pgsql/bin",                               // built from source
    "/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on Apple silicon
    "/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Homebrew on Linux
    "/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
    "/Library/PostgreSQL/*/bin",                          // the EDB installer
];

/// The existing directories that a layout stands for, newest version first.
fn expand(root: &Path, layout: &str) -> Vec<PathBuf> {
    let layout = layout.trim_start_matches('/');
    let Some(star) = layout.find('*') else {
        return Some(root.join(layout)).filter(|dir| dir.is_dir()).into_iter().collect();
    };
    let start = layout[..star].rfind('/').map_or(0, |slash| slash + 1);
    let (parent, prefix) = (&layout[..start], &layout[start..star]);
    let rest = layout[star + 1..].trim_start_matches('/');
    let Ok(entries) = root.join(parent).read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(|entry| version_after(prefix, &entry.ok()?.file_name()))
        .map(|(version, name)| (version, root.join(parent).join(name).join(rest)))
        .filter(|(_, dir)| dir.is_dir())
        .collect();
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// The version in a directory's name, for ordering: `9.6` is before `10`.
fn version_after(prefix: &str, name: &OsStr) -> Option<(Vec<u32>, OsString)> {
    let version = name.to_str()?.strip_prefix(prefix)?;
    let numbers = version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    if numbers.is_empty() { None } else { Some((numbers, name.to_owned())) }
}
