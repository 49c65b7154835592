//! A file system in memory, and short ways to ask for settings.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use pgnudge::settings::{Environment, FileFacts, FileKind, Files, Platform, Resolved, Settings};

/// Files by path. `/etc/passwd` has two users.
#[derive(Clone)]
pub(crate) struct Imagined {
    files: BTreeMap<PathBuf, (FileFacts, Vec<u8>)>,
}

impl Imagined {
    pub(crate) fn new() -> Self {
        let empty = Self { files: BTreeMap::new() };
        empty.file("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:\n")
    }

    pub(crate) fn file(self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        let facts = FileFacts { kind: FileKind::Regular, mode, owner: 1000 };
        self.entry(path, facts, content.as_ref())
    }

    pub(crate) fn entry(mut self, path: &str, facts: FileFacts, content: &[u8]) -> Self {
        self.files.insert(path.into(), (facts, content.to_owned()));
        self
    }

    /// The environment of alice, without variables, on Unix.
    pub(crate) fn environment(self) -> Environment {
        Environment::bare(self).with_home("/home/alice").with_os_user("alice").with_platform(Platform::Unix)
    }

    fn get(&self, path: &Path) -> io::Result<&(FileFacts, Vec<u8>)> {
        self.files.get(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Files for Imagined {
    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        Ok(self.get(path)?.0)
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let content = &self.get(path)?.1;
        Ok(content[..content.len().min(limit)].to_owned())
    }
}

/// Settings of a text in alice's empty environment.
pub(crate) fn resolve(text: &str) -> Settings {
    resolve_in(text, &Imagined::new().environment()).settings
}

pub(crate) fn resolve_in(text: &str, environment: &Environment) -> Resolved {
    Settings::resolve(text, environment).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// The error message of a text in alice's empty environment.
pub(crate) fn refusal(text: &str) -> String {
    refusal_in(text, &Imagined::new().environment())
}

pub(crate) fn refusal_in(text: &str, environment: &Environment) -> String {
    match Settings::resolve(text, environment) {
        Ok(resolved) => panic!("{text:?} is not refused: {resolved:?}"),
        Err(error) => error.to_string(),
    }
}
