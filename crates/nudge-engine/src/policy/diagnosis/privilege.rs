//! Which privilege a role lacks when the server says `insufficient_privilege` (42501).

use nudge_proto::ErrorResponse;

use super::Stage;

/// The remedy, by the function of the server that reports the error. The code is the same for every privilege
/// and the message may be in any language (`lc_messages`), but not the name of that function (as of PostgreSQL
/// 15 to 19).
pub(super) fn remedy(stage: Stage<'_>, response: &ErrorResponse) -> &'static str {
    match (response.routine(), stage) {
        ("CheckMyDatabase", _) => {
            "let the role connect to the database: GRANT CONNECT ON DATABASE ... TO ..."
        }
        (routine, _) if routine.starts_with("set_config") => {
            "leave this setting out of options, or let the role change it: GRANT SET ON PARAMETER ... TO ..."
        }
        (routine, _) if routine.starts_with("aclcheck_error") => GRANT_CATALOGS,
        (_, Stage::Session | Stage::Query | Stage::Stream) => GRANT_CATALOGS,
        (_, Stage::Connect | Stage::Tls | Stage::Startup | Stage::Slot(_) | Stage::Start(_)) => {
            GIVE_REPLICATION
        }
    }
}

/// The remedy that a managed service has a name of its own for.
pub(crate) const GIVE_REPLICATION: &str = "give the role the REPLICATION attribute: ALTER ROLE ... REPLICATION (on managed services: grant its replication role)";

const GRANT_CATALOGS: &str = "give the role back what the message names (GRANT SELECT or EXECUTE ... TO ...): as PostgreSQL is \
     installed, every role may read these catalogs and call these functions";

#[cfg(test)]
mod tests {
    use super::super::server;
    use super::super::tests::response_of;
    use super::*;
    use crate::ErrorKind;

    /// Fields as servers of PostgreSQL 15 and 18 send them, and translated ones.
    #[test]
    fn a_missing_privilege_has_the_remedy_for_it_in_every_language() {
        let (startup, slot) = (Stage::Startup, Stage::Slot("wal2json"));
        for (routine, message, stage, hint) in [
            ("InitPostgres", "permission denied to start WAL sender", startup, "REPLICATION"),
            (
                "InitPostgres",
                "must be superuser or replication role to start walsender",
                startup,
                "REPLICATION",
            ),
            ("InitPostgres", "keine Berechtigung, um WAL-Sender zu starten", startup, "REPLICATION"),
            ("CheckSlotPermissions", "permission denied to use replication slots", slot, "REPLICATION"),
            ("", "no", startup, "REPLICATION"),
            ("CheckMyDatabase", "permission denied for database \"d\"", startup, "GRANT CONNECT ON DATABASE"),
            (
                "CheckMyDatabase",
                "keine Berechtigung f\u{fc}r Datenbank d",
                startup,
                "GRANT CONNECT ON DATABASE",
            ),
            (
                "set_config_option_ext",
                "permission denied to set parameter \"x\"",
                startup,
                "SET ON PARAMETER",
            ),
            (
                "set_config_with_handle",
                "permission denied to set parameter \"x\"",
                startup,
                "SET ON PARAMETER",
            ),
            ("aclcheck_error", "permission denied for function set_config", Stage::Session, "EXECUTE"),
            ("aclcheck_error", "permission denied for table pg_class", Stage::Query, "SELECT"),
            ("aclcheck_error", "keine Berechtigung f\u{fc}r Tabelle pg_class", slot, "SELECT"),
            ("", "no", Stage::Query, "SELECT"),
        ] {
            let error = server(stage, &response_of(routine, "42501", message, ""));
            assert_eq!((error.kind(), error.is_permanent()), (ErrorKind::Privilege, true), "{message}");
            let given = error.hint().unwrap_or_default();
            assert!(given.contains(hint), "{message}: {given}");
            let replication = given.contains("REPLICATION");
            assert_eq!(replication, hint == "REPLICATION", "{message}: {given}");
        }
    }
}
