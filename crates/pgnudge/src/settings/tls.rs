//! Whether and how connections are encrypted: the `ssl…` keywords.
//!
//! Follows "SSL Support" of the manual. Paths are decided here, files are read
//! anew for each connection, so that a renewed certificate is picked up.

use super::certificate_files::{ClientCertificate, RootCertificates, choose_client, choose_roots};
use super::environment::Environment;
use super::error::SettingsError;
use super::given::{Given, GivenValue};
use super::host::HostSpec;
use super::value_error::ValueError;

/// Everything about TLS. None of it concerns Unix-domain sockets, which do without.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// Whether TLS is tried, needed, and verified (`sslmode`).
    pub mode: SslMode,
    /// How TLS starts (`sslnegotiation`).
    pub negotiation: SslNegotiation,
    /// What the server's certificate is checked against (`sslrootcert`).
    pub roots: RootCertificates,
    /// The client's own certificate (`sslcert`, `sslkey`, `sslcertmode`).
    pub client: Option<ClientCertificate>,
    /// Whether the host's name is announced in clear (`sslsni`).
    pub sni: bool,
    /// The oldest TLS version allowed; none means that the library decides.
    pub min_version: Option<TlsVersion>,
    /// The newest TLS version allowed; none means that the library decides.
    pub max_version: Option<TlsVersion>,
}

/// libpq's ladder of `sslmode`, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS only if the server refuses a plain connection.
    Allow,
    /// Plain only if the server refuses TLS.
    Prefer,
    /// Always TLS.
    Require,
    /// Always TLS, with a certificate from a known authority.
    VerifyCa,
    /// Always TLS, with a certificate from a known authority for this host.
    VerifyFull,
}

/// How TLS starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslNegotiation {
    /// After an `SSLRequest` message; every server knows it.
    Postgres,
    /// At once, with ALPN `postgresql`; servers from 17 on, and proxies.
    Direct,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0.
    V1_0,
    /// TLS 1.1.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// How much of the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Nothing: encryption without knowing to whom.
    Nothing,
    /// That a known authority signed it.
    Chain,
    /// That, and that it is for this host.
    ChainAndHost,
}

/// TLS settings that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// `sslrootcert=system` with less than `verify-full`: anybody can have a
    /// certificate from one of the system's authorities.
    #[error("weak sslmode \"{0}\" may not be used with sslrootcert=system (use \"verify-full\")")]
    WeakForSystemRoots(&'static str),
    /// `sslnegotiation=direct` with less than `require`: there is no falling back.
    #[error(
        "weak sslmode \"{0}\" may not be used with sslnegotiation=direct \
         (use \"require\", \"verify-ca\", or \"verify-full\")"
    )]
    WeakForDirect(&'static str),
    /// The oldest version allowed is newer than the newest one.
    #[error("ssl_min_protocol_version is above ssl_max_protocol_version")]
    VersionRange,
    /// `verify-full` of a host that is given by `hostaddr` alone.
    #[error("sslmode=verify-full needs a host name for {address}: give host besides hostaddr")]
    NoHostName {
        /// The host.
        address: String,
    },
}

impl TlsSettings {
    /// How much of the server's certificate is checked. As in libpq, a root
    /// certificate that is there is used, whatever the mode.
    pub fn verification(&self) -> Verification {
        match (self.mode, &self.roots) {
            (SslMode::VerifyFull, _) => Verification::ChainAndHost,
            (SslMode::Disable, _) | (_, RootCertificates::Unchecked) => Verification::Nothing,
            _ => Verification::Chain,
        }
    }

    pub(super) fn parse(
        given: &Given,
        hosts: &[HostSpec],
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let mode = parse_mode(given)?;
        let negotiation = parse_negotiation(given, mode)?;
        let (min_version, max_version) = parse_versions(given)?;
        let sni = match given.get("sslsni") {
            Some(value) => value.word(&[("1", true), ("0", false)])?,
            None => true,
        };
        check_names(mode, hosts)?;
        let in_use = mode > SslMode::Disable && hosts.iter().any(HostSpec::is_tcp);
        let client = if in_use { choose_client(given, environment)? } else { None };
        Ok(Self {
            mode,
            negotiation,
            roots: choose_roots(given, mode, in_use, environment)?,
            client,
            sni,
            min_version,
            max_version,
        })
    }
}

/// A certificate cannot be for a host that has no name.
fn check_names(mode: SslMode, hosts: &[HostSpec]) -> Result<(), TlsError> {
    let nameless = |host: &&HostSpec| host.is_tcp() && host.tls_name().is_none();
    match hosts.iter().find(nameless) {
        Some(host) if mode == SslMode::VerifyFull => {
            let address = host.to_string();
            Err(TlsError::NoHostName { address })
        }
        _ => Ok(()),
    }
}

/// The mode; stronger by default if the system's authorities are trusted.
fn parse_mode(given: &Given) -> Result<SslMode, SettingsError> {
    let system = given.text("sslrootcert") == Some("system");
    let mode = match given.get("sslmode") {
        Some(value) => value.word(&MODES)?,
        None if system => SslMode::VerifyFull,
        None => SslMode::Prefer,
    };
    if system && mode != SslMode::VerifyFull {
        return Err(TlsError::WeakForSystemRoots(word_of(mode)).into());
    }
    Ok(mode)
}

fn parse_negotiation(given: &Given, mode: SslMode) -> Result<SslNegotiation, SettingsError> {
    let words = [("postgres", SslNegotiation::Postgres), ("direct", SslNegotiation::Direct)];
    let negotiation = match given.get("sslnegotiation") {
        Some(value) => value.word(&words)?,
        None => SslNegotiation::Postgres,
    };
    if negotiation == SslNegotiation::Direct && mode < SslMode::Require {
        return Err(TlsError::WeakForDirect(word_of(mode)).into());
    }
    Ok(negotiation)
}

type Versions = (Option<TlsVersion>, Option<TlsVersion>);

fn parse_versions(given: &Given) -> Result<Versions, SettingsError> {
    let min = match given.get("ssl_min_protocol_version") {
        Some(value) => parse_version(value)?,
        None => Some(TlsVersion::V1_2),
    };
    let max = given.get("ssl_max_protocol_version").map(parse_version).transpose()?.flatten();
    match (min, max) {
        (Some(min), Some(max)) if min > max => Err(TlsError::VersionRange.into()),
        versions => Ok(versions),
    }
}

/// An empty value takes the bound away.
fn parse_version(value: &GivenValue) -> Result<Option<TlsVersion>, ValueError> {
    if value.text.is_empty() {
        return Ok(None);
    }
    let found = VERSIONS.iter().find(|(word, _)| value.text.eq_ignore_ascii_case(word));
    let names = || value.invalid(VERSIONS.map(|(word, _)| word).join(", "));
    found.map(|(_, version)| Some(*version)).ok_or_else(names)
}

fn word_of(mode: SslMode) -> &'static str {
    let found = MODES.iter().find(|(_, meaning)| *meaning == mode);
    found.map_or("", |(word, _)| word)
}

const MODES: [(&str, SslMode); 6] = [
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

const VERSIONS: [(&str, TlsVersion); 4] = [
    ("TLSv1", TlsVersion::V1_0),
    ("TLSv1.1", TlsVersion::V1_1),
    ("TLSv1.2", TlsVersion::V1_2),
    ("TLSv1.3", TlsVersion::V1_3),
];
