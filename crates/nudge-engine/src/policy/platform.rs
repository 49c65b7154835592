//! Who runs the server, and what they call the remedy.
//!
//! Managed services do not let anybody edit `postgresql.conf` or set REPLICATION by hand. Where the
//! host's name gives the service away, the hint says what to do there.

use std::fmt;

use crate::policy::diagnosis::GIVE_REPLICATION;
use crate::{Error, ErrorKind};

/// A managed service, by the host's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Platform {
    /// Self-managed, or a service that does not show in the name.
    #[default]
    Unknown,
    /// Amazon RDS.
    Rds,
    /// Amazon Aurora.
    Aurora,
    /// Azure Database for PostgreSQL.
    Azure,
    /// Supabase.
    Supabase,
    /// Neon.
    Neon,
    /// Google Cloud SQL.
    CloudSql,
}

impl Platform {
    /// Tells the service by the end of the host's name.
    pub fn of_host(host: &str) -> Self {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let ends = |suffix| host.ends_with(suffix);
        match () {
            () if ends(".rds.amazonaws.com") && host.contains(".cluster-") => Self::Aurora,
            () if ends(".rds.amazonaws.com") => Self::Rds,
            () if ends(".postgres.database.azure.com") => Self::Azure,
            () if ends(".supabase.co") || ends(".supabase.com") => Self::Supabase,
            () if ends(".neon.tech") => Self::Neon,
            () => Self::Unknown,
        }
    }

    /// Tells the service by a setting that only its servers have: for names that give nothing away.
    pub fn of_setting(name: &str) -> Self {
        let begins = |prefix| name.starts_with(prefix);
        match () {
            () if begins("rds.") => Self::Rds,
            () if begins("apg_") || begins("aurora_") => Self::Aurora,
            () if begins("azure.") => Self::Azure,
            () if begins("supautils.") => Self::Supabase,
            () if begins("neon.") => Self::Neon,
            () if begins("cloudsql.") => Self::CloudSql,
            () => Self::Unknown,
        }
    }

    /// Replaces a hint by the one for this service, where there is one.
    pub(crate) fn tune(self, error: Error) -> Error {
        if error.kind() == ErrorKind::Privilege && error.hint() != Some(GIVE_REPLICATION) {
            // Another privilege than the one that services have a name for.
            return error;
        }
        match self.remedy(error.kind()) {
            Some(remedy) => error.with_better_hint(remedy),
            None => error,
        }
    }

    /// What to do about such a failure there, if it is another thing than elsewhere; of privileges it is about
    /// REPLICATION alone. The role's name is to be put in the place of `...`.
    pub fn remedy(self, kind: ErrorKind) -> Option<&'static str> {
        Some(match (self, kind) {
            (Self::Rds, ErrorKind::WalLevel) => {
                "set rds.logical_replication = 1 in the instance's parameter group and reboot the instance"
            }
            (Self::Aurora, ErrorKind::WalLevel) => {
                "set rds.logical_replication = 1 in the cluster's parameter group and reboot the writer"
            }
            (Self::Rds | Self::Aurora, ErrorKind::Privilege) => "GRANT rds_replication TO ...",
            (Self::Azure, ErrorKind::WalLevel) => {
                "set the server parameter wal_level to logical (portal, or az postgres flexible-server parameter set) \
                 and restart the server"
            }
            (Self::Azure, ErrorKind::Privilege) => {
                "as the server's administrator: ALTER ROLE ... REPLICATION"
            }
            (Self::CloudSql, ErrorKind::WalLevel) => {
                "set the flag cloudsql.logical_decoding=on (gcloud sql instances patch INSTANCE \
                 --database-flags=cloudsql.logical_decoding=on); the instance restarts"
            }
            (Self::CloudSql, ErrorKind::Privilege) => {
                "as a user of cloudsqlsuperuser: ALTER ROLE ... REPLICATION"
            }
            (Self::Supabase, ErrorKind::Privilege) => {
                "connect as postgres, which has REPLICATION, or ALTER ROLE ... REPLICATION as postgres"
            }
            (Self::Supabase, ErrorKind::Protocol) => {
                "use the direct connection (db.<project>.supabase.co, port 5432): the pooler knows no replication"
            }
            (Self::Neon, ErrorKind::WalLevel) => "enable logical replication in the project's settings",
            (Self::Neon, ErrorKind::Protocol) => {
                "use the direct host name, without -pooler: the pooler knows no replication"
            }
            (Self::Neon, ErrorKind::Privilege) => {
                "use a role that was made in the console or with the CLI: those have REPLICATION"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "self-managed, or a service that is not known",
            Self::Rds => "Amazon RDS",
            Self::Aurora => "Amazon Aurora",
            Self::Azure => "Azure Database for PostgreSQL",
            Self::Supabase => "Supabase",
            Self::Neon => "Neon",
            Self::CloudSql => "Google Cloud SQL",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_shows_in_the_name() {
        let check = |host, expect| assert_eq!(Platform::of_host(host), expect, "{host}");
        check("db.abc123.eu-central-1.rds.amazonaws.com", Platform::Rds);
        check("db.cluster-abc123.eu-central-1.rds.amazonaws.com.", Platform::Aurora);
        check("DB.Postgres.Database.Azure.com", Platform::Azure);
        check("db.abcdef.supabase.co", Platform::Supabase);
        check("ep-cool-1.eu-central-1.aws.neon.tech", Platform::Neon);
        check("neon.tech.example.com", Platform::Unknown);
        check("localhost", Platform::Unknown);
    }

    #[test]
    fn the_service_shows_in_its_settings() {
        let check = |setting, expect| assert_eq!(Platform::of_setting(setting), expect, "{setting}");
        check("rds.logical_replication", Platform::Rds);
        check("azure.extensions", Platform::Azure);
        check("cloudsql.logical_decoding", Platform::CloudSql);
        check("wal_level", Platform::Unknown);
    }

    #[test]
    fn hints_are_those_of_the_service() {
        let error = || Error::permanent(ErrorKind::WalLevel, "no").with_hint("edit postgresql.conf");
        assert!(Platform::Rds.tune(error()).hint().unwrap().contains("rds.logical_replication"));
        assert_eq!(Platform::Unknown.tune(error()).hint(), Some("edit postgresql.conf"));
        let privilege = |hint: &str| Error::permanent(ErrorKind::Privilege, "no").with_hint(hint);
        assert_eq!(
            Platform::Rds.tune(privilege(GIVE_REPLICATION)).hint(),
            Some("GRANT rds_replication TO ...")
        );
        assert_eq!(Platform::Rds.tune(privilege("GRANT CONNECT")).hint(), Some("GRANT CONNECT"));
        let tuned = Platform::Rds.tune(error());
        assert!(tuned.is_permanent() && tuned.to_string() == "no");
    }
}
