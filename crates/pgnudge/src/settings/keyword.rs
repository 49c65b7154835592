//! Every keyword of libpq and what this client does with it, as data.
//!
//! The list is that of libpq 19 (manual: "Parameter Key Words" and "Environment
//! Variables"). A test asks the libpq of the machine for its own list and
//! compares names and variables; another one compares the table in
//! `docs/connecting.md` with this one.

use Decision::{Harmless, Honoured, HonouredSecret, Only, Refused, RefusedSecret};

/// One keyword of libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keyword {
    /// As it is written in a text or a service file.
    pub name: &'static str,
    /// The environment variable that stands in for it, if there is one.
    pub variable: Option<&'static str>,
    /// The first libpq that knows it; 15 stands for "15 or earlier".
    pub since: u8,
    /// What happens to a value.
    pub decision: Decision,
}

/// What this client does with the value of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Acts as in libpq.
    Honoured,
    /// Acts as in libpq, and is never shown.
    HonouredSecret,
    /// These values only; any other one is an error, for this reason.
    Only(&'static [&'static str], Reason),
    /// Any value is accepted and has no effect, for this reason.
    Harmless(Reason),
    /// Any value but the empty one is an error, for this reason.
    Refused(Reason),
    /// As `Refused`, and the value is never shown.
    RefusedSecret(Reason),
}

/// Why a keyword has no effect or is refused, as the end of a sentence.
pub type Reason = &'static str;

impl Keyword {
    /// The keyword of that exact name; libpq's names are case-sensitive.
    pub fn named(name: &str) -> Option<&'static Keyword> {
        KEYWORDS.iter().find(|keyword| keyword.name == name)
    }

    /// Whether values must not appear in errors and logs.
    pub fn is_secret(&self) -> bool {
        matches!(self.decision, HonouredSecret | RefusedSecret(_))
    }
}

const GSS: Reason = "this client does not speak GSSAPI";
const NO_GSS_LOGIN: Reason = "it only tunes GSSAPI, which this client does not speak";
const OAUTH: Reason = "this client cannot log in by OAuth";
const CRL: Reason = "the TLS library offers no revocation lists";
const SCRAM_KEYS: Reason = "this client logs in with the password, not with keys derived from it";

/// Every keyword, in libpq's order.
#[rustfmt::skip]
pub const KEYWORDS: &[Keyword] = &[
    row("service", Some("PGSERVICE"), 15, Honoured),
    row("servicefile", Some("PGSERVICEFILE"), 19, Honoured),
    row("user", Some("PGUSER"), 15, Honoured),
    row("password", Some("PGPASSWORD"), 15, HonouredSecret),
    row("passfile", Some("PGPASSFILE"), 15, Honoured),
    row("channel_binding", Some("PGCHANNELBINDING"), 15, Honoured),
    row("connect_timeout", Some("PGCONNECT_TIMEOUT"), 15, Honoured),
    row("dbname", Some("PGDATABASE"), 15, Honoured),
    row("host", Some("PGHOST"), 15, Honoured),
    row("hostaddr", Some("PGHOSTADDR"), 15, Honoured),
    row("port", Some("PGPORT"), 15, Honoured),
    row("client_encoding", Some("PGCLIENTENCODING"), 15,
        Only(&["UTF8", "utf8", "UTF-8", "utf-8", "UNICODE", "unicode", "auto", ""],
             "this client always talks UTF-8 to the server")),
    row("options", Some("PGOPTIONS"), 15, Honoured),
    row("application_name", Some("PGAPPNAME"), 15, Honoured),
    row("fallback_application_name", None, 15, Honoured),
    row("keepalives", None, 15, Honoured),
    row("keepalives_idle", None, 15, Honoured),
    row("keepalives_interval", None, 15, Honoured),
    row("keepalives_count", None, 15, Honoured),
    row("tcp_user_timeout", None, 15, Honoured),
    row("sslmode", Some("PGSSLMODE"), 15, Honoured),
    row("sslnegotiation", Some("PGSSLNEGOTIATION"), 17, Honoured),
    row("sslcompression", Some("PGSSLCOMPRESSION"), 15,
        Only(&["0", ""], "TLS is never compressed (compression leaks what it compresses)")),
    row("sslcert", Some("PGSSLCERT"), 15, Honoured),
    row("sslkey", Some("PGSSLKEY"), 15, Honoured),
    row("sslcertmode", Some("PGSSLCERTMODE"), 16,
        Only(&["disable", "allow"],
             "the TLS library does not tell whether the server asked for a certificate")),
    row("sslpassword", None, 15, HonouredSecret),
    row("sslrootcert", Some("PGSSLROOTCERT"), 15, Honoured),
    row("sslcrl", Some("PGSSLCRL"), 15, Refused(CRL)),
    row("sslcrldir", Some("PGSSLCRLDIR"), 15, Refused(CRL)),
    row("sslsni", Some("PGSSLSNI"), 15, Honoured),
    row("requirepeer", Some("PGREQUIREPEER"), 15, Honoured),
    row("require_auth", Some("PGREQUIREAUTH"), 16, Honoured),
    row("min_protocol_version", Some("PGMINPROTOCOLVERSION"), 18,
        Only(&["3.0"], "this client speaks protocol 3.0")),
    row("max_protocol_version", Some("PGMAXPROTOCOLVERSION"), 18,
        Only(&["3.0", "3.2", "latest"], "this client speaks protocol 3.0")),
    row("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), 15, Honoured),
    row("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), 15, Honoured),
    row("gssencmode", Some("PGGSSENCMODE"), 15, Only(&["disable", "prefer"], GSS)),
    row("krbsrvname", Some("PGKRBSRVNAME"), 15, Harmless(NO_GSS_LOGIN)),
    row("gsslib", Some("PGGSSLIB"), 15, Harmless(NO_GSS_LOGIN)),
    row("gssdelegation", Some("PGGSSDELEGATION"), 16, Only(&["0", ""], GSS)),
    row("replication", None, 15,
        Only(&["database", ""], "this client decides itself how it replicates")),
    row("target_session_attrs", Some("PGTARGETSESSIONATTRS"), 15, Honoured),
    row("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), 16, Honoured),
    row("scram_client_key", None, 18, RefusedSecret(SCRAM_KEYS)),
    row("scram_server_key", None, 18, RefusedSecret(SCRAM_KEYS)),
    row("oauth_issuer", None, 18, Refused(OAUTH)),
    row("oauth_client_id", None, 18, Refused(OAUTH)),
    row("oauth_client_secret", None, 18, RefusedSecret(OAUTH)),
    row("oauth_scope", None, 18, Refused(OAUTH)),
    row("oauth_ca_file", Some("PGOAUTHCAFILE"), 19,
        Harmless("it only tunes OAuth, which this client does not speak")),
    row("sslkeylogfile", None, 18, Refused("this client never writes TLS session keys to a file")),
];

const fn row(name: &'static str, variable: Option<&'static str>, since: u8, decision: Decision) -> Keyword {
    Keyword { name, variable, since, decision }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_variables_are_unique() {
        let names: BTreeSet<_> = KEYWORDS.iter().map(|keyword| keyword.name).collect();
        assert_eq!(names.len(), KEYWORDS.len());
        let variables: Vec<_> = KEYWORDS.iter().filter_map(|k| k.variable).collect();
        assert_eq!(variables.iter().collect::<BTreeSet<_>>().len(), variables.len());
    }

    #[test]
    fn whatever_carries_a_secret_is_marked() {
        let secret = |k: &&Keyword| {
            k.name.contains("password") || k.name.contains("secret") || k.name.starts_with("scram_")
        };
        for keyword in KEYWORDS.iter().filter(secret) {
            assert!(keyword.is_secret(), "{}", keyword.name);
        }
    }

    #[test]
    fn names_are_matched_exactly() {
        assert_eq!(Keyword::named("host").map(|k| k.name), Some("host"));
        assert_eq!(Keyword::named("Host"), None);
        assert_eq!(Keyword::named(""), None);
    }
}
