//! How settings look at files: just enough for libpq's rules, and replaceable.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// What resolving settings may ask a file system.
///
/// [`ProcessFiles`] is the real one. Tests, and programs that must not touch the
/// disk, bring their own.
pub trait Files: Send + Sync {
    /// What kind of file is there, after following links.
    ///
    /// # Errors
    /// As the operating system says, `NotFound` above all.
    fn facts(&self, path: &Path) -> io::Result<FileFacts>;

    /// The first `limit` bytes of a file, or all of it if it is shorter.
    ///
    /// # Errors
    /// As the operating system says.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;
}

/// What libpq's rules need to know about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFacts {
    /// File, directory, or something else.
    pub kind: FileKind,
    /// The permission bits of Unix (`0o600`); 0 elsewhere.
    pub mode: u32,
    /// The user id of the owner on Unix; 0 elsewhere.
    pub owner: u32,
}

/// The kinds of file that make a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A pipe, a device, a socket.
    Other,
}

impl FileFacts {
    /// Whether group or others may do anything with the file.
    pub(super) fn is_open_to_others(self) -> bool {
        self.mode & 0o077 != 0
    }
}

/// The files that this process sees.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessFiles;

impl Files for ProcessFiles {
    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        let metadata = fs::metadata(path)?;
        let kind = match metadata.file_type() {
            kind if kind.is_file() => FileKind::Regular,
            kind if kind.is_dir() => FileKind::Directory,
            _ => FileKind::Other,
        };
        let (mode, owner) = mode_and_owner(&metadata);
        Ok(FileFacts { kind, mode, owner })
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(unix)]
fn mode_and_owner(metadata: &fs::Metadata) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    (metadata.mode() & 0o7777, metadata.uid())
}

#[cfg(not(unix))]
fn mode_and_owner(_: &fs::Metadata) -> (u32, u32) {
    (0, 0)
}
