//! Clients from the registry. They are a program of their own, outside of the workspace (`bench/peers`).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pgnudge::Plugin;

/// One of them. It reads XLogData messages over plain TCP and throws them away.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    program: PathBuf,
    name: &'static str,
}

impl Peer {
    /// All that the program has.
    pub(crate) fn all(program: &Path) -> [Self; 3] {
        ["pg_walstream-connection", "pg_walstream", PGWIRE_REPLICATION]
            .map(|name| Self { program: program.to_path_buf(), name })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether messages of this plugin get through it.
    pub(crate) fn can_read(&self, plugin: Plugin) -> bool {
        !(self.name == PGWIRE_REPLICATION && plugin == Plugin::TestDecoding)
    }

    /// The words that start it: program and arguments.
    pub(crate) fn words(&self, port: u16, messages: usize) -> Vec<OsString> {
        let (port, messages) = (port.to_string(), messages.to_string());
        vec![self.program.as_os_str().to_owned(), self.name.into(), port.into(), messages.into()]
    }
}

/// It looks into messages that begin with `B` or `C`, for pgoutput's begin and commit, and fails on those of
/// test_decoding, which are words.
const PGWIRE_REPLICATION: &str = "pgwire-replication";
