//! A file system with fake servers, for the tests of discovery.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::search::Search;

/// A directory that stands for `/`; it is removed when it is dropped.
pub(crate) struct FakeRoot(PathBuf);

impl FakeRoot {
    pub(crate) fn new(name: &str) -> Self {
        let unique = format!("pgnudge-fake-{}-{name}", std::process::id());
        let dir = std::env::temp_dir().join(unique);
        std::fs::create_dir(&dir).expect("a fresh directory");
        Self(dir)
    }

    /// A search that sees this file system alone.
    pub(crate) fn search(&self) -> Search {
        Search { named: Vec::new(), variable: None, path: None, root: self.0.clone() }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// The three programs of a server of that version; returns their directory.
    pub(crate) fn server(&self, dir: &str, version: &str) -> PathBuf {
        self.script(&format!("{dir}/postgres"), &format!("echo 'postgres (PostgreSQL) {version}'"));
        self.script(&format!("{dir}/initdb"), "exit 0");
        self.script(&format!("{dir}/pg_ctl"), "exit 0");
        self.path(dir)
    }

    /// An executable script. A child writes it: a file that this process holds open for
    /// writing, or that another thread's child inherited at the wrong moment, cannot be run.
    pub(crate) fn script(&self, path: &str, body: &str) {
        let file = self.file(path);
        let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod 755 \"$1\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", write, "sh"]).arg(file).arg(body);
        assert!(shell.status().expect("a shell").success());
    }

    /// An empty file.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        let file = self.path(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("directories");
        std::fs::write(&file, "").expect("a file");
        file
    }

    /// A symbolic link.
    pub(crate) fn link(&self, path: &str, target: &Path) -> PathBuf {
        let link = self.file(path);
        std::fs::remove_file(&link).expect("the empty file");
        std::os::unix::fs::symlink(target, &link).expect("a link");
        link
    }
}

impl Drop for FakeRoot {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the directory");
    }
}
