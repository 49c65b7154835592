//! Connection URIs: `postgres://user:password@host:port,host:port/dbname?key=value`.
//!
//! Follows "Connection URIs" of the manual and libpq's own parser, which is more
//! lenient than RFC 3986: every part may be missing, and hosts are a list.

use super::connection_text::{ConnectionText, TextError};
use super::keyword::Keyword;
use super::percent::{self, PercentError};

/// Why a URI cannot be read. A URI holds the password, so none of these shows
/// more of it than a name or a token that cannot be part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// `[` without `]`.
    #[error("missing \"]\" after an IPv6 address in the connection URI")]
    UnclosedBracket,
    /// `[]`.
    #[error("an IPv6 address in brackets is empty in the connection URI")]
    EmptyBracket,
    /// Something else than `:`, `/`, `?` or `,` behind `]`.
    #[error("unexpected character {character:?} at byte {position} of the connection URI, after \"]\"")]
    AfterBracket {
        /// What is there.
        character: char,
        /// Where, counted from 1.
        position: usize,
    },
    /// A parameter without `=`.
    #[error("missing \"=\" in a parameter of the connection URI")]
    ParameterWithoutEquals,
    /// A parameter with two `=`.
    #[error("more than one \"=\" in a parameter of the connection URI; write %3D inside a value")]
    ParameterWithExtraEquals,
    /// A `@` where no host can have one, or a `/` that ends the hosts before it: most
    /// likely they belong to the password. libpq goes on and fails to find the host.
    #[error("the connection URI has a raw \"@\" or \"/\" in its user name or password")]
    UnencodedUserInfo,
    /// A part cannot be decoded.
    #[error(transparent)]
    Percent(#[from] PercentError),
}

impl UriError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::UnencodedUserInfo)
            .then_some("in user name and password write %40 for @, %2F for /, %3A for : and %25 for %")
    }
}

/// What follows the scheme, if the text is a connection URI. The scheme is
/// case-sensitive, as in libpq.
pub(super) fn strip_scheme(text: &str) -> Option<&str> {
    let long = || text.strip_prefix("postgresql://");
    text.strip_prefix("postgres://").or_else(long)
}

/// Reads the part of a URI that follows the scheme.
pub(super) fn parse(uri: &str, scheme_length: usize) -> Result<ConnectionText, TextError> {
    let mut given = ConnectionText::default();
    let user_info = match uri.find(['@', '/']) {
        Some(at) if uri[at..].starts_with('@') => Some(&uri[..at]),
        _ => None,
    };
    if let Some(user_info) = user_info {
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        set(&mut given, "user", user, "user name")?;
        set(&mut given, "password", password, "password")?;
    }
    let start = user_info.map_or(0, |user_info| user_info.len() + 1);
    let hosts = Hosts::parse(&uri[start..], scheme_length + start)?;
    if hosts.hold_user_info(user_info.is_some()) {
        return Err(UriError::UnencodedUserInfo.into());
    }
    set(&mut given, "host", &hosts.names.join(","), "host")?;
    set(&mut given, "port", &hosts.ports.join(","), "port")?;

    let (path, parameters) = hosts.rest.split_once('?').unwrap_or((hosts.rest, ""));
    let database = path.strip_prefix('/').unwrap_or(path);
    set(&mut given, "dbname", database, "database name")?;
    parse_parameters(parameters, &mut given)?;
    Ok(given)
}

/// The list of hosts, and what follows it: nothing, `/…` or `?…`.
struct Hosts<'a> {
    names: Vec<&'a str>,
    ports: Vec<&'a str>,
    rest: &'a str,
}

impl<'a> Hosts<'a> {
    fn parse(text: &'a str, position: usize) -> Result<Self, UriError> {
        let (mut names, mut ports, mut rest) = (Vec::new(), Vec::new(), text);
        loop {
            let name;
            (name, rest) = match rest.strip_prefix('[') {
                Some(address) => bracketed(address)?,
                None => split_before(rest, &[':', '/', '?', ',']),
            };
            names.push(name);
            let port;
            (port, rest) = match rest.chars().next() {
                Some(':') => split_before(&rest[1..], &['/', '?', ',']),
                None | Some('/' | '?' | ',') => ("", rest),
                Some(character) => {
                    let position = position + text.len() - rest.len() + 1;
                    return Err(UriError::AfterBracket { character, position });
                }
            };
            ports.push(port);
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => return Ok(Self { names, ports, rest }),
            }
        }
    }

    /// Whether what was taken for a host is more likely the tail of a password
    /// (`u:p@ss@host`) or its head (`u:p/w@host`). A host may start with `@`: an
    /// abstract socket does.
    fn hold_user_info(&self, user_info_found: bool) -> bool {
        let has_tail = |name: &str| name.chars().skip(1).any(|c| c == '@');
        let is_odd = |port: &str| !port.bytes().all(|byte| byte.is_ascii_digit());
        self.names.iter().any(|name| has_tail(name))
            || self.ports.iter().any(|port| port.contains('@'))
            || !user_info_found && self.rest.contains('@') && self.ports.iter().any(|p| is_odd(p))
    }
}

/// The address before `]`, and what follows.
fn bracketed(text: &str) -> Result<(&str, &str), UriError> {
    match text.split_once(']') {
        None => Err(UriError::UnclosedBracket),
        Some(("", _)) => Err(UriError::EmptyBracket),
        Some(parts) => Ok(parts),
    }
}

fn split_before<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn parse_parameters(mut parameters: &str, given: &mut ConnectionText) -> Result<(), TextError> {
    while !parameters.is_empty() {
        let (parameter, rest) = parameters.split_once('&').unwrap_or((parameters, ""));
        let (key, value) = parameter.split_once('=').ok_or(UriError::ParameterWithoutEquals)?;
        if value.contains('=') {
            return Err(UriError::ParameterWithExtraEquals.into());
        }
        set_parameter(given, key, value)?;
        parameters = rest;
    }
    Ok(())
}

/// JDBC writes `ssl=true`; libpq takes exactly that, in URIs only.
fn set_parameter(given: &mut ConnectionText, key: &str, value: &str) -> Result<(), TextError> {
    let key = percent::decode(key, "name of a parameter", true).map_err(UriError::Percent)?;
    let keyword = Keyword::named(&key);
    let part = keyword.map_or("value of a parameter", |keyword| keyword.name);
    let secret = keyword.is_none_or(Keyword::is_secret);
    let value = percent::decode(value, part, secret).map_err(UriError::Percent)?;
    match (key.as_str(), value.as_str()) {
        ("ssl", "true") => given.set("sslmode", "require".to_owned())?,
        _ => given.set(&key, value)?,
    }
    Ok(())
}

/// Sets a part that is there; a missing one leaves room for the environment.
fn set(
    given: &mut ConnectionText,
    key: &'static str,
    text: &str,
    part: &'static str,
) -> Result<(), TextError> {
    if !text.is_empty() {
        let value = percent::decode(text, part, key == "password").map_err(UriError::Percent)?;
        given.set(key, value)?;
    }
    Ok(())
}
