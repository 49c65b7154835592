//! What the client demands of the login: `require_auth` and `channel_binding`.

use super::given::{Given, GivenValue};
use super::value_error::ValueError;

/// A way of logging in, by libpq's names for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMethod {
    /// `password`: the password in clear.
    Password,
    /// `md5`: the password hashed with MD5.
    Md5,
    /// `gss`: Kerberos.
    Gss,
    /// `sspi`: Kerberos of Windows.
    Sspi,
    /// `scram-sha-256`, with or without channel binding.
    ScramSha256,
    /// `oauth`: a bearer token.
    Oauth,
    /// `none`: the server asks for nothing (its methods trust, peer, cert).
    None,
}

/// Whether a SCRAM login must be bound to the TLS channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never bind.
    Disable,
    /// Bind if the server can.
    Prefer,
    /// Refuse to log in without.
    Require,
}

impl ChannelBinding {
    pub(super) fn parse(given: &Given) -> Result<Self, ValueError> {
        let words = [
            ("disable", Self::Disable),
            ("prefer", Self::Prefer),
            ("require", Self::Require),
        ];
        let value = given.get("channel_binding");
        value.map_or(Ok(Self::Prefer), |value| value.word(&words))
    }
}

/// The ways of logging in that are allowed; all of them by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequireAuth {
    allowed: Vec<AuthMethod>,
}

impl RequireAuth {
    /// Whether the server may ask for this.
    pub fn permits(&self, method: AuthMethod) -> bool {
        self.allowed.contains(&method)
    }

    /// The methods that are allowed.
    pub fn methods(&self) -> &[AuthMethod] {
        &self.allowed
    }

    /// Reads a list: `md5,scram-sha-256` or, all negated, `!password,!md5`.
    pub(super) fn parse(given: &Given) -> Result<Self, ValueError> {
        let Some(value) = given.filled("require_auth") else {
            let allowed = METHODS.map(|(_, method)| method).to_vec();
            return Ok(Self { allowed });
        };
        let negated = value.text.starts_with('!');
        let mut listed = Vec::new();
        for entry in value.text.split(',') {
            let method = parse_entry(entry, negated, value)?;
            if listed.contains(&method) {
                return Err(value.invalid("a list that names each method once"));
            }
            listed.push(method);
        }
        let methods = METHODS.into_iter().map(|(_, method)| method);
        let allowed: Vec<_> = methods.filter(|m| listed.contains(m) != negated).collect();
        if !allowed.iter().any(|method| POSSIBLE.contains(method)) {
            return Err(value
                .unsupported("this client logs in by password, md5, scram-sha-256 or none only"));
        }
        Ok(Self { allowed })
    }
}

fn parse_entry(entry: &str, negated: bool, value: &GivenValue) -> Result<AuthMethod, ValueError> {
    let name = match (entry.strip_prefix('!'), negated) {
        (Some(name), true) => name,
        (None, false) => entry,
        _ => return Err(value.invalid("a list of methods that are all or none of them negated")),
    };
    let found = METHODS.into_iter().find(|(word, _)| *word == name);
    found.map(|(_, method)| method).ok_or_else(|| {
        let names = METHODS.map(|(word, _)| word).join(", ");
        value.invalid(format!("a list of {names}, or of all these negated by !"))
    })
}

const METHODS: [(&str, AuthMethod); 7] = [
    ("password", AuthMethod::Password),
    ("md5", AuthMethod::Md5),
    ("gss", AuthMethod::Gss),
    ("sspi", AuthMethod::Sspi),
    ("scram-sha-256", AuthMethod::ScramSha256),
    ("oauth", AuthMethod::Oauth),
    ("none", AuthMethod::None),
];

const POSSIBLE: [AuthMethod; 4] = [
    AuthMethod::Password,
    AuthMethod::Md5,
    AuthMethod::ScramSha256,
    AuthMethod::None,
];
