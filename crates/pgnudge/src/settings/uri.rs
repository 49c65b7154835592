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
    #[error("the connection URI has a raw \"@\" or \"/\" in its user name, password or database name")]
    UnencodedUserInfo,
    /// A part cannot be decoded.
    #[error(transparent)]
    Percent(#[from] PercentError),
}

impl UriError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::UnencodedUserInfo)
            .then_some("write %40 for @, %2F for /, %3A for : and %25 for % there")
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
    if hosts.hold_user_info(user_info) {
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

    /// Whether what was taken for a host is more likely the tail of a password (`u:p@ss@host`), its middle
    /// (`u:p@s/w@host`) or its head (`u:p/w@host`, `u:1/w@host/d`). A host may start with `@`: an abstract socket does.
    fn hold_user_info(&self, user_info: Option<&str>) -> bool {
        let is_odd = |port: &str| !port.bytes().all(|byte| byte.is_ascii_digit());
        let has_tail = |name: &str| name.chars().skip(1).any(|c| c == '@');
        let path = self.rest.split('?').next().unwrap_or_default();
        self.names.iter().any(|name| has_tail(name))
            || self.ports.iter().any(|port| port.contains('@'))
            || user_info.is_some_and(|user_info| user_info.contains(':')) && path.contains('@')
            || path.split_once('@').is_some_and(|(_, behind)| behind.contains('/'))
            || self.rest.contains('@') && self.ports.iter().any(|port| is_odd(port))
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
    let mut after_secret = false;
    while !parameters.is_empty() {
        let (parameter, rest) = parameters.split_once('&').unwrap_or((parameters, ""));
        let (key, value) = parameter.split_once('=').ok_or(UriError::ParameterWithoutEquals)?;
        if value.contains('=') {
            return Err(UriError::ParameterWithExtraEquals.into());
        }
        set_parameter(given, key, value).map_err(|error| match error {
            // What follows a raw & may be the rest of a password.
            TextError::UnknownKey(key) if after_secret => key.hidden().into(),
            other => other,
        })?;
        after_secret |= Keyword::named(key).is_some_and(Keyword::is_secret);
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

/// Sets a part that is there; a missing one leaves room for the environment. What
/// stands in the port's place may be a password whose `@host` was forgotten.
fn set(
    given: &mut ConnectionText,
    key: &'static str,
    text: &str,
    part: &'static str,
) -> Result<(), TextError> {
    if !text.is_empty() {
        let secret = key == "password" || key == "port";
        let value = percent::decode(text, part, secret).map_err(UriError::Percent)?;
        given.set(key, value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<ConnectionText, TextError> {
        ConnectionText::parse(text)
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let given = parsed(text).unwrap();
        assert_eq!(given.iter().collect::<Vec<_>>(), expected, "{text}");
    }

    fn check_error(text: &str, expected: UriError) {
        assert_eq!(parsed(text).unwrap_err(), TextError::Uri(expected), "{text}");
    }

    #[test]
    fn every_part_may_be_missing() {
        let all = [("dbname", "d"), ("host", "h"), ("password", "p"), ("port", "1"), ("user", "u")];
        check("postgres://u:p@h:1/d", &all);
        check("postgresql://u:p@h:1/d", &all);
        for empty in ["postgres://", "postgres:///", "postgres://?", "postgres://@", "postgres://:@:/?"] {
            check(empty, &[]);
        }
        check("postgres://u@", &[("user", "u")]);
        check("postgres://:p@", &[("password", "p")]);
        check("postgres://:1", &[("port", "1")]);
        check("postgres:///d", &[("dbname", "d")]);
        check("postgres://?user=u", &[("user", "u")]);
    }

    #[test]
    fn hosts_are_a_list() {
        check("postgres://a:1,b", &[("host", "a,b"), ("port", "1,")]);
        check("postgres://[::1]:1,[::2]/", &[("host", "::1,::2"), ("port", "1,")]);
        check("postgres://@@abstract", &[("host", "@abstract")]);
    }

    #[test]
    fn parameters_come_last_and_win() {
        check("postgres://h?host=/dir&port=1", &[("host", "/dir"), ("port", "1")]);
        check("postgres://h?user=a&user=b&", &[("host", "h"), ("user", "b")]);
        check("postgres://?ssl=true", &[("sslmode", "require")]);
        check("postgres://?u%73er=%75", &[("user", "u")]);
    }

    #[test]
    fn brackets_hold_one_address() {
        check_error("postgres://[::1", UriError::UnclosedBracket);
        check_error("postgres://[]", UriError::EmptyBracket);
        let (character, position) = ('z', 17);
        check_error("postgres://[::1]z", UriError::AfterBracket { character, position });
        let (character, position) = ('é', 25);
        check_error("postgresql://u:p@h,[::1]é", UriError::AfterBracket { character, position });
    }

    #[test]
    fn parameters_have_one_equals_sign() {
        check_error("postgres://?user", UriError::ParameterWithoutEquals);
        check_error("postgres://?user=a&&port=1", UriError::ParameterWithoutEquals);
        check_error("postgres://?options=-c a=b", UriError::ParameterWithExtraEquals);
        assert!(matches!(parsed("postgres://?ssl=on"), Err(TextError::UnknownKey(_))));
    }

    #[test]
    fn passwords_that_are_not_encoded_are_noticed() {
        for text in [
            "postgres://u:p@ss@h/d",
            "postgres://u:p@ss:word@h/d",
            "postgres://u:pass/word@h/d",
            "postgres://u:pass/wo@rd@h/d",
            "postgres://u:p@ss/word@h/d",
            "postgres://u:1/word@h/d",
        ] {
            check_error(text, UriError::UnencodedUserInfo);
        }
        check("postgres://h:1/d@x", &[("dbname", "d@x"), ("host", "h"), ("port", "1")]);
        check("postgres://u@h/d@x", &[("dbname", "d@x"), ("host", "h"), ("user", "u")]);
    }

    #[test]
    fn what_follows_a_secret_is_not_shown() {
        let error = parsed("postgres://u@h/d?password=abc&s3kritpart=d").unwrap_err().to_string();
        assert!(error.contains("unknown key") && !error.contains("s3krit"), "{error}");
        let error = parsed("postgres://u@h/d?s3kritpart=d").unwrap_err().to_string();
        assert!(error.contains("s3krit"), "{error}");
    }

    #[test]
    fn percent_errors_name_the_part() {
        let check = |text, message: &str| assert_eq!(parsed(text).unwrap_err().to_string(), message);
        check("postgres://%zz", "invalid percent-encoded token \"%zz\" in the host");
        check("postgres://u:%zz@h", "invalid percent-encoded token in the password");
        check("postgres://u:%zz", "invalid percent-encoded token in the port");
        check("postgres://h?password=%zz", "invalid percent-encoded token in the password");
        check("postgres://h?dbname=%0", "invalid percent-encoded token \"%0\" in the dbname");
        check("postgres://h/%00", "forbidden value %00 in the database name");
        check("postgres://my host", "unexpected space in the host; write %20");
    }
}
