//! Users of the operating system, without asking its C library.
//!
//! libpq calls `getpwuid`. That needs foreign code, which this workspace
//! forbids, so the local list of users is read. Users of a directory service
//! are not in it; for the current one the login shell's variables know the name.

use std::path::{Path, PathBuf};

use super::files::Files;

/// One line of the list of users: `name:password:uid:gid:comment:home:shell`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OsUser {
    pub(super) name: String,
    pub(super) id: u32,
    pub(super) home: PathBuf,
}

impl OsUser {
    /// The first local user that fits.
    pub(super) fn find(files: &dyn Files, fits: impl Fn(&OsUser) -> bool) -> Option<OsUser> {
        let list = files.read(Path::new(PASSWD), PASSWD_LIMIT).ok()?;
        let list = String::from_utf8_lossy(&list);
        list.lines().filter_map(OsUser::from_line).find(fits)
    }

    /// The user that this process acts as. Linux shows its id as the owner of
    /// `/proc/self`; elsewhere std has no way to know it.
    pub(super) fn of_process(files: &dyn Files) -> Option<OsUser> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let id = files.facts(Path::new("/proc/self")).ok()?.owner;
        OsUser::find(files, |user| user.id == id)
    }

    fn from_line(line: &str) -> Option<OsUser> {
        let fields: Vec<_> = line.split(':').collect();
        match fields[..] {
            [name, _, id, _, _, home, ..] => Some(OsUser {
                name: name.to_owned(),
                id: id.parse().ok()?,
                home: home.into(),
            }),
            _ => None,
        }
    }
}

const PASSWD: &str = "/etc/passwd";

/// A list longer than this is no list of users.
const PASSWD_LIMIT: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_user() {
        let user = OsUser::from_line("alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash").unwrap();
        assert_eq!((user.name.as_str(), user.id), ("alice", 1000));
        assert_eq!(user.home, Path::new("/home/alice"));
    }

    #[test]
    fn other_lines_are_none() {
        for line in ["", "# comment", "+::::::", "alice:x:1000", "a:x:-2:0:::"] {
            assert_eq!(OsUser::from_line(line), None, "{line}");
        }
    }
}
