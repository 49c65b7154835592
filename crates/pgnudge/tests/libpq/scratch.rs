//! A directory of files that both sides can read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A fresh directory, left behind for whoever looks into a failure.
pub(crate) struct Scratch {
    directory: PathBuf,
}

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("libpq-{name}"));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        Self { directory }
    }

    /// With the files that the cases talk about.
    pub(crate) fn with_example_files(name: &str) -> Self {
        let scratch = Self::new(name);
        fs::create_dir_all(scratch.directory.join("home")).unwrap();
        fs::create_dir_all(scratch.directory.join("etc")).unwrap();
        scratch.write("home/.pgpass", "/x:*:*:*:from home\n*:1:*:*:any\n", 0o600);
        scratch.write("pgpass", "/x:1:d:u:from file\n/x:1:*:u:wild\n", 0o600);
        scratch.write("exposed", "*:*:*:*:exposed\n", 0o640);
        scratch.write("home/.pg_service.conf", "[home]\nuser=home\nport=1\n", 0o644);
        scratch.write("etc/pg_service.conf", "[etc]\nuser=etc\nport=1\n[home]\nuser=no\n", 0o644);
        scratch.write("service.conf", &service_file(), 0o644);
        scratch
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, content: &str, mode: u32) -> String {
        let path = self.directory.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Puts the directory's path for `DIR`.
    pub(crate) fn expand(&self, text: &str) -> String {
        text.replace("DIR", self.directory.to_str().unwrap())
    }

    pub(crate) fn expand_all(&self, pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), self.expand(value))).collect()
    }
}

fn service_file() -> String {
    let longest = format!("user={}\n", "u".repeat(1022 - 6));
    let too_long = format!("user={}\n", "u".repeat(1023 - 6));
    format!(
        "# comment\n[plain]\nhost=/x\nport=1\nuser=service\ndbname=service\npassword=service\n\
         [twice]\nuser=first\nuser=second\nport=1\n\
         [spaces]\n  user=indented  \nport=1\n\
         [blank key]\nuser =x\n\
         [nested]\nservice=plain\n\
         [no equals]\nuser\n\
         [unknown]\nuzer=x\n\
         [trailing] text\nuser=trailing\nport=1\n\
         [longest]\nport=1\n{longest}\
         [too long]\nport=1\n{too_long}"
    )
}
