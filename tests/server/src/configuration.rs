//! The configuration of a throwaway cluster: `postgresql.conf` and `pg_hba.conf`, as text.
//!
//! It replaces what initdb wrote, so that a cluster is the same whatever a distribution's
//! defaults are.

use std::path::Path;

/// What differs between one throwaway cluster and the next.
#[derive(Debug)]
pub(crate) struct Configuration<'a> {
    pub(crate) port: u16,
    pub(crate) socket_dir: &'a Path,
    pub(crate) wal_level: &'a str,
    pub(crate) tls: bool,
    /// The server refuses output plugins that `output_plugin_libraries` does not list.
    pub(crate) lists_plugins: bool,
    pub(crate) extra: &'a [String],
}

impl Configuration<'_> {
    /// The text of `postgresql.conf`. Of lines that name the same setting the last one counts.
    pub(crate) fn postgresql_conf(&self) -> String {
        let mut text = FIXED.to_owned();
        text += &format!("port = {}\n", self.port);
        text += &format!("unix_socket_directories = '{}'\n", self.socket_dir.display());
        text += &format!("wal_level = {}\n", self.wal_level);
        if self.tls {
            text += "ssl = on\nssl_cert_file = '../server.crt'\nssl_key_file = '../server.key'\n";
        }
        if self.lists_plugins {
            text += "output_plugin_libraries = 'pgoutput, test_decoding, wal2json'\n";
        }
        for line in self.extra {
            text += &format!("{line}\n");
        }
        text
    }
}

/// The suites run many sessions and slots at once, and nobody mourns the data.
const FIXED: &str = "\
listen_addresses = '127.0.0.1'
password_encryption = 'scram-sha-256'
fsync = off
shared_buffers = 32MB
max_connections = 200
max_wal_senders = 50
max_replication_slots = 50
max_prepared_transactions = 20
log_line_prefix = '%m [%p] %q%a '
";

/// Whoever reaches the socket is trusted; over TCP a password is asked for.
pub(crate) const PG_HBA: &str = "\
local all         all              trust
host  all         all 127.0.0.1/32 scram-sha-256
host  replication all 127.0.0.1/32 scram-sha-256
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_lines_come_last_because_the_last_one_counts() {
        let extra = ["wal_level = replica".to_owned()];
        let configuration = Configuration {
            port: 5433,
            socket_dir: Path::new("/tmp/x"),
            wal_level: "logical",
            tls: false,
            lists_plugins: false,
            extra: &extra,
        };
        let text = configuration.postgresql_conf();
        assert!(text.ends_with("wal_level = logical\nwal_level = replica\n"), "{text}");
        assert!(!text.contains("ssl") && !text.contains("output_plugin_libraries"), "{text}");
    }
}
