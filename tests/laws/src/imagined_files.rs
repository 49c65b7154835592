//! A home directory in memory.

use std::io;
use std::path::Path;

use pgnudge::settings::{Environment, FileFacts, FileKind, Files, Platform};

/// The files of alice, who may read them alone.
pub(crate) struct Home(Vec<(&'static str, Vec<u8>)>);

impl Home {
    /// The environment of alice with these files in her home directory, and nothing else.
    pub(crate) fn with(files: &[(&'static str, &[u8])]) -> Environment {
        let files = files.iter().map(|(name, content)| (*name, content.to_vec())).collect();
        let bare = Environment::bare(Self(files));
        bare.with_home("/home/alice").with_os_user("alice").with_platform(Platform::Unix)
    }

    fn content(&self, path: &Path) -> io::Result<&[u8]> {
        let name = path.strip_prefix("/home/alice").ok();
        let file = self.0.iter().find(|(this, _)| name == Some(Path::new(this)));
        file.map(|(_, content)| &**content).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Files for Home {
    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        self.content(path).map(|_| FileFacts { kind: FileKind::Regular, mode: 0o600, owner: 1000 })
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        self.content(path).map(|content| content[..content.len().min(limit)].to_owned())
    }
}
