//! What a failure means: whether trying again helps, and what somebody should do about it.
//!
//! SQLSTATE codes are those of the manual's "PostgreSQL Error Codes". One code can mean two things,
//! which the stage of the connection or the server's own words tell apart.

mod privilege;
mod refusal;

use std::io;

use nudge_proto::{ErrorResponse, SqlState};

use crate::{Error, ErrorKind};

pub(crate) use privilege::GIVE_REPLICATION;

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage<'a> {
    /// Opening the socket.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The startup message and authentication.
    Startup,
    /// Settings of the session.
    Session,
    /// SQL in an ordinary session.
    Query,
    /// CREATE_REPLICATION_SLOT with this plugin.
    Slot(&'a str),
    /// START_REPLICATION with this plugin.
    Start(&'a str),
    /// The stream.
    Stream,
}

impl Stage<'_> {
    fn doing(self) -> String {
        match self {
            Self::Connect => "connecting".into(),
            Self::Tls => "setting up TLS".into(),
            Self::Startup => "logging in".into(),
            Self::Session => "preparing the session".into(),
            Self::Query => "asking the server".into(),
            Self::Slot(plugin) => format!("creating a replication slot with the plugin {plugin}"),
            Self::Start(plugin) => format!("starting replication with the plugin {plugin}"),
            Self::Stream => "streaming".into(),
        }
    }
}

/// The socket failed. Networks come back.
pub fn network(stage: Stage<'_>, error: io::Error) -> Error {
    if stage == Stage::Startup && is_tls_alert(&error) {
        let message = format!("the server refused the TLS connection while logging in: {error}");
        return Error::permanent(ErrorKind::Tls, message)
            .with_hint("check that sslcert is from an authority that the server trusts (its ssl_ca_file), and has not expired")
            .with_source(error);
    }
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("the server closed the connection while {}", stage.doing()),
        _ => format!("the connection failed while {}: {error}", stage.doing()),
    };
    let hint = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "check host and port, and that the server is running and listens there"
        }
        io::ErrorKind::NotFound => "check the socket directory, and that the server is running",
        _ => too_few_files(&error).unwrap_or("check the network, and the server's log"),
    };
    Error::transient(ErrorKind::Network, message).with_hint(hint).with_source(error)
}

/// With TLS 1.3 a server that does not accept the client's certificate says so after the handshake: an
/// alert comes in the place of its answer. TLS libraries tell that by their words alone.
fn is_tls_alert(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().contains("alert")
}

/// The remedy for EMFILE and ENFILE of POSIX: the process or the system has no descriptor left. The standard
/// library has no word for it, but all of Unix has these numbers.
pub fn too_few_files(error: &io::Error) -> Option<&'static str> {
    let short = cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24));
    short.then_some("raise the limit of open files: ulimit -n, or LimitNOFILE= in the unit of systemd")
}

/// A step took longer than its knob allows.
pub fn timeout(stage: Stage<'_>, knob: &str) -> Error {
    let hint = format!("raise {knob} if the server is just slow");
    Error::transient(ErrorKind::Timeout, format!("{knob} ran out while {}", stage.doing())).with_hint(hint)
}

/// The protocol machine stopped.
pub fn protocol(stage: Stage<'_>, error: nudge_proto::Error) -> Error {
    match error {
        nudge_proto::Error::Server(response) => server(stage, &response),
        nudge_proto::Error::Refused(refusal) => refusal::explain(refusal),
        error => Error::permanent(ErrorKind::Protocol, format!("{error} (while {})", stage.doing()))
            .with_hint(
                "check that host and port are those of a PostgreSQL server, and not of something in between",
            )
            .with_source(error),
    }
}

/// The server said no.
pub fn server(stage: Stage<'_>, response: &ErrorResponse) -> Error {
    let verdict = judge(stage, response);
    let message = format!("{response} while {}", stage.doing());
    let error = if verdict.permanent {
        Error::permanent(verdict.kind, message)
    } else {
        Error::transient(verdict.kind, message)
    };
    let error = error.with_sqlstate(response.code()).with_source(response.clone());
    if verdict.hint.is_empty() { error } else { error.with_hint(verdict.hint) }
}

/// Whether the server refuses this plugin, so that another one may do.
pub fn refuses_plugin(response: &ErrorResponse) -> bool {
    match response.code() {
        SqlState::UNDEFINED_FILE => true,
        SqlState::INSUFFICIENT_PRIVILEGE => names(response, "output_plugin_libraries"),
        _ => false,
    }
}

struct Verdict {
    kind: ErrorKind,
    permanent: bool,
    hint: String,
}

fn judge(stage: Stage<'_>, response: &ErrorResponse) -> Verdict {
    let permanent = |kind, hint: &str| Verdict { kind, permanent: true, hint: hint.into() };
    let transient = |kind, hint: &str| Verdict { kind, permanent: false, hint: hint.into() };
    match (response.code(), stage) {
        (SqlState::INVALID_PASSWORD, _) => permanent(
            ErrorKind::Authentication,
            "check user and password: the connection text, PGPASSWORD, or the passfile",
        ),
        (SqlState::INVALID_AUTHORIZATION, _) => permanent(
            ErrorKind::Authentication,
            "let the role log in: ALTER ROLE ... LOGIN, and a line in pg_hba.conf for its database and this address",
        ),
        (SqlState::INVALID_CATALOG_NAME, _) => {
            permanent(ErrorKind::Database, "check the database name, or create it with CREATE DATABASE")
        }
        (SqlState::INSUFFICIENT_PRIVILEGE, Stage::Slot(plugin))
            if names(response, "output_plugin_libraries") =>
        {
            Verdict {
                kind: ErrorKind::Plugin,
                permanent: true,
                hint: format!(
                    "add {plugin} to output_plugin_libraries on the server, or choose another plugin"
                ),
            }
        }
        (SqlState::INSUFFICIENT_PRIVILEGE, _) => {
            permanent(ErrorKind::Privilege, privilege::remedy(stage, response))
        }
        (SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, _) if names(response, "wal_level") => permanent(
            ErrorKind::WalLevel,
            "set wal_level = logical and restart the server: ALTER SYSTEM SET wal_level = 'logical'",
        ),
        // Unlike 53400, where a slot may come free: the server has none until it is restarted.
        (SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, _) if names(response, "max_replication_slots") => {
            permanent(
                ErrorKind::Exhausted,
                "allow replication slots and restart the server: ALTER SYSTEM SET max_replication_slots = 10",
            )
        }
        (SqlState::UNDEFINED_FILE, Stage::Slot(plugin)) => Verdict {
            kind: ErrorKind::Plugin,
            permanent: true,
            hint: format!(
                "install {plugin} on the server (postgresql-NN-{plugin} or the contrib package), or choose another plugin"
            ),
        },
        (SqlState::TOO_MANY_CONNECTIONS | SqlState::CONFIGURATION_LIMIT_EXCEEDED, _) => transient(
            ErrorKind::Exhausted,
            "raise max_replication_slots, max_wal_senders or max_connections, or end what occupies them",
        ),
        (SqlState::LOCK_NOT_AVAILABLE | SqlState::QUERY_CANCELED, Stage::Slot(_)) => transient(
            ErrorKind::Timeout,
            "a slot waits for every transaction that was writing when it was asked for: end the long ones",
        ),
        (SqlState::FEATURE_NOT_SUPPORTED, _) => {
            permanent(ErrorKind::Server, "connect to the primary: a standby can decode from PostgreSQL 16 on")
        }
        (SqlState::SYNTAX_ERROR, _) => permanent(
            ErrorKind::Protocol,
            "connect to PostgreSQL itself: what answers here, such as a pooler, does not know replication commands",
        ),
        (SqlState::PROTOCOL_VIOLATION, Stage::Startup) if names_a_startup_parameter(response) => permanent(
            ErrorKind::Protocol,
            "connect to PostgreSQL itself, or use PgBouncer 1.23 or later: the pooler that answers here passes no \
             replication on",
        ),
        (SqlState::INVALID_NAME | SqlState::INVALID_PARAMETER_VALUE | SqlState::UNDEFINED_OBJECT, _) => {
            permanent(ErrorKind::Config, "check the table patterns and the connection's options")
        }
        (SqlState::CANNOT_CONNECT_NOW | SqlState::ADMIN_SHUTDOWN, _) => {
            transient(ErrorKind::Unavailable, "the server is restarting, or somebody ended the connection")
        }
        (code, _) => {
            Verdict { kind: ErrorKind::Server, permanent: !is_passing(code), hint: response.hint().into() }
        }
    }
}

/// Classes of errors that are over some time: connection, resources, prerequisite state, operator,
/// system, internal.
fn is_passing(code: SqlState) -> bool {
    matches!(code.class(), "08" | "40" | "53" | "55" | "57" | "58" | "XX")
}

/// Whether it is about this setting. The name of a setting is not translated; the words around it are.
fn names(response: &ErrorResponse, setting: &str) -> bool {
    [response.message(), response.detail(), response.hint()].iter().any(|text| text.contains(setting))
}

/// As PgBouncer says it before 1.23, of `replication` and of what else it does not know. What it says of the server
/// behind it has the same code, and may be over soon.
fn names_a_startup_parameter(response: &ErrorResponse) -> bool {
    response.message().contains("unsupported startup parameter")
}

#[cfg(test)]
mod tests {
    use super::*;
    use nudge_proto::{Credentials, Limits, ScramNonce, Startup};

    /// The server's "no" with these fields, by the way it really comes.
    fn response(code: &str, message: &str, hint: &str) -> ErrorResponse {
        response_of("", code, message, hint)
    }

    /// The same, from that function of the server.
    pub(super) fn response_of(routine: &str, code: &str, message: &str, hint: &str) -> ErrorResponse {
        let body = format!("SERROR\0VERROR\0C{code}\0M{message}\0H{hint}\0R{routine}\0\0");
        let length = i32::try_from(body.len() + 4).unwrap().to_be_bytes();
        let frame = [&b"E"[..], &length, body.as_bytes()].concat();
        let credentials = Credentials::new(None, ScramNonce::new([0; 18]));
        let mut out = Vec::new();
        let mut startup = Startup::new(c"u", &[], credentials, Limits::default(), &mut out);
        match startup.advance(&frame, &mut out).unwrap_err() {
            nudge_proto::Error::Server(response) => *response,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_certificate_that_the_server_refuses_is_no_matter_of_the_network() {
        let alert = || io::Error::other("tlsv1 alert unknown ca:SSL alert number 48");
        let refused = network(Stage::Startup, alert());
        assert!(refused.is_permanent() && refused.kind() == ErrorKind::Tls, "{refused:?}");
        assert!(!network(Stage::Stream, alert()).is_permanent(), "a stream that was good once comes back");
        let cut = io::Error::other("unexpected eof while reading");
        assert!(!network(Stage::Startup, cut).is_permanent());
        assert!(!network(Stage::Startup, io::ErrorKind::ConnectionReset.into()).is_permanent());
    }

    #[test]
    fn each_sqlstate_has_a_kind_a_permanence_and_a_remedy() {
        use ErrorKind::{
            Authentication, Config, Database, Exhausted, Plugin, Privilege, Protocol, Server, Timeout,
            Unavailable, WalLevel,
        };
        let (slot, start) = (Stage::Slot("wal2json"), Stage::Start("wal2json"));
        for (code, message, stage, kind, permanent, hint) in [
            ("28P01", "password authentication failed", Stage::Startup, Authentication, true, "password"),
            ("28000", "no pg_hba.conf entry", Stage::Startup, Authentication, true, "pg_hba.conf"),
            ("3D000", "database \"x\" does not exist", Stage::Startup, Database, true, "CREATE DATABASE"),
            (
                "42501",
                "permission denied to start WAL sender",
                Stage::Startup,
                Privilege,
                true,
                "REPLICATION",
            ),
            ("42501", "see output_plugin_libraries", slot, Plugin, true, "output_plugin_libraries"),
            (
                "55000",
                "logical decoding requires wal_level >= logical",
                slot,
                WalLevel,
                true,
                "wal_level = logical",
            ),
            (
                "55000",
                "replication slots can only be used if \"max_replication_slots\" > 0",
                slot,
                Exhausted,
                true,
                "restart the server",
            ),
            ("55000", "something else", slot, Server, false, ""),
            ("58P01", "could not access file \"wal2json\"", slot, Plugin, true, "install wal2json"),
            ("53300", "too many clients", Stage::Startup, Exhausted, false, "max_connections"),
            ("53400", "all replication slots are in use", slot, Exhausted, false, "max_replication_slots"),
            ("55P03", "canceling statement due to lock timeout", slot, Timeout, false, "end the long ones"),
            ("57014", "canceling statement due to user request", slot, Timeout, false, "end the long ones"),
            ("57P01", "terminating connection", Stage::Stream, Unavailable, false, "restarting"),
            ("57P03", "the database system is starting up", Stage::Startup, Unavailable, false, "restarting"),
            ("0A000", "cannot decode during recovery", slot, Server, true, "primary"),
            ("42601", "syntax error", slot, Protocol, true, "pooler"),
            (
                "08P01",
                "unsupported startup parameter: replication",
                Stage::Startup,
                Protocol,
                true,
                "PgBouncer 1.23",
            ),
            ("08P01", "server login has been failing", Stage::Startup, Server, false, ""),
            ("42602", "invalid table name", start, Config, true, "table patterns"),
            ("22023", "invalid value", Stage::Session, Config, true, "options"),
            ("XX000", "internal error", Stage::Stream, Server, false, ""),
        ] {
            let error = server(stage, &response(code, message, ""));
            assert_eq!((error.kind(), error.is_permanent()), (kind, permanent), "{code} {message}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{code}: {:?}", error.hint());
            assert!(error.to_string().contains(message) && error.to_string().contains(code), "{error}");
            assert_eq!(error.sqlstate().unwrap().as_str(), code);
        }
    }

    #[test]
    fn a_refused_plugin_is_told_from_a_missing_privilege() {
        assert!(refuses_plugin(&response("58P01", "could not access file", "")));
        assert!(refuses_plugin(&response("42501", "no", "add it to output_plugin_libraries")));
        assert!(!refuses_plugin(&response("42501", "permission denied", "")));
    }

    #[cfg(unix)]
    #[test]
    fn too_few_files_have_their_own_remedy() {
        for number in [23, 24] {
            let error = network(Stage::Connect, io::Error::from_raw_os_error(number));
            assert!(error.hint().unwrap().contains("ulimit -n") && !error.is_permanent(), "{error}");
        }
    }

    #[test]
    fn networks_come_back() {
        let error = network(Stage::Connect, io::ErrorKind::ConnectionRefused.into());
        assert!(!error.is_permanent() && error.hint().unwrap().contains("running"), "{error}");
        let error = network(Stage::Stream, io::ErrorKind::UnexpectedEof.into());
        assert_eq!(error.to_string(), "the server closed the connection while streaming");
    }

    #[test]
    fn what_we_refuse_is_permanent_and_says_what_to_do() {
        for refusal in [nudge_proto::Refusal::NoPassword, nudge_proto::Refusal::ServerSignature] {
            let error = protocol(Stage::Startup, refusal.into());
            assert!(
                error.is_permanent() && error.hint().is_some() && error.kind() == ErrorKind::Authentication
            );
        }
    }
}
