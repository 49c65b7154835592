//! A connection text in either form, read into keywords and values.
//!
//! This is what libpq's `PQconninfoParse` does: names are checked, values are
//! not, and neither environment nor files are looked at.

use std::collections::BTreeMap;
use std::fmt;

use super::key_value::{self, KeyValueError};
use super::keyword::Keyword;
use super::nearest::nearest_keyword;
use super::uri::{self, UriError};

/// The keywords that a text sets, and their values as written.
///
/// `Debug` shows the keywords only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConnectionText {
    values: BTreeMap<&'static str, String>,
}

/// Why a connection text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Longer than [`ConnectionText::MAX_LENGTH`].
    #[error("the connection text has {length} bytes; at most {} are allowed", ConnectionText::MAX_LENGTH)]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A zero byte, which no value of PostgreSQL can hold.
    #[error("the connection text holds a zero byte")]
    Nul,
    /// The URI is malformed.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// The key=value text is malformed.
    #[error(transparent)]
    KeyValue(#[from] KeyValueError),
    /// A key is no keyword.
    #[error(transparent)]
    UnknownKey(#[from] UnknownKey),
}

impl TextError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Uri(error) => error.hint(),
            Self::KeyValue(error) => Some(error.hint()),
            Self::UnknownKey(UnknownKey { name: None, .. }) => {
                Some("a value with blanks is quoted: key='a b'")
            }
            Self::TooLong { .. } | Self::Nul | Self::UnknownKey(_) => None,
        }
    }
}

/// A key that is no keyword of libpq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key, unless it may be something else, such as a part of a password.
    pub name: Option<String>,
    /// The keyword that was most likely meant.
    pub nearest: Option<&'static str>,
}

impl ConnectionText {
    /// The longest text that is read, in bytes. The values are copied several
    /// times and end up in messages to the server, whose own limit for all of
    /// them together is 10,000 bytes; host lists and paths need a little more.
    pub const MAX_LENGTH: usize = 64 << 10;

    /// Reads a URI (`postgres://…`, `postgresql://…`) or a key=value text.
    ///
    /// # Errors
    /// [`TextError`] if the text is malformed, too long, or has an unknown key.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.len() > Self::MAX_LENGTH {
            return Err(TextError::TooLong { length: text.len() });
        }
        if text.contains('\0') {
            return Err(TextError::Nul);
        }
        match uri::strip_scheme(text) {
            Some(uri) => uri::parse(uri, text.len() - uri.len()),
            None => key_value::parse(text),
        }
    }

    /// The value of a keyword. That of `password` is a secret.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.values.get(keyword).map(String::as_str)
    }

    /// Keywords in alphabetical order with their values, secrets included.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(keyword, value)| (*keyword, value.as_str()))
    }

    /// Sets a key, over an earlier value of it.
    pub(super) fn set(&mut self, key: &str, value: String) -> Result<(), UnknownKey> {
        let (key, value) = match key {
            "requiressl" => ("sslmode", from_requiressl(&value).to_owned()),
            _ => (key, value),
        };
        let keyword = Keyword::named(key).ok_or_else(|| UnknownKey::new(key))?;
        self.values.insert(keyword.name, value);
        Ok(())
    }

    pub(super) fn into_values(self) -> BTreeMap<&'static str, String> {
        self.values
    }
}

/// `requiressl` is what `sslmode` was before PostgreSQL 8; libpq still takes it.
fn from_requiressl(value: &str) -> &'static str {
    if value.starts_with('1') { "require" } else { "prefer" }
}

impl ConnectionText {
    /// The keyword of that name, for a value that comes apart from a text.
    pub(super) fn keyword(name: &str, value: &str) -> Result<&'static str, TextError> {
        let length = name.len().max(value.len());
        if length > Self::MAX_LENGTH {
            return Err(TextError::TooLong { length });
        }
        if value.contains('\0') {
            return Err(TextError::Nul);
        }
        Ok(Keyword::named(name).ok_or_else(|| UnknownKey::new(name))?.name)
    }
}

impl fmt::Debug for ConnectionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl UnknownKey {
    pub(super) fn new(key: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let is_name = !key.is_empty() && key.len() <= 40 && key.bytes().all(plain);
        Self {
            name: is_name.then(|| key.to_owned()),
            nearest: is_name.then(|| nearest_keyword(key)).flatten(),
        }
    }

    /// Without the name, unless it is close to a keyword and so most likely meant
    /// as one: for what follows the unquoted value of a secret.
    pub(super) fn hidden(self) -> Self {
        let name = self.name.filter(|_| self.nearest.is_some());
        Self { name, ..self }
    }
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.nearest) {
            (Some(name), Some(nearest)) => {
                write!(f, "unknown key \"{name}\"; did you mean \"{nearest}\"?")
            }
            (Some(name), None) => write!(f, "unknown key \"{name}\""),
            (None, _) => f.write_str("an unknown key (not shown, it may be a part of a password)"),
        }
    }
}

impl std::error::Error for UnknownKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        let uri = ConnectionText::parse("postgresql://h/db").unwrap();
        assert_eq!(uri.get("dbname"), Some("db"));
        let pairs = ConnectionText::parse("host=h dbname=db").unwrap();
        assert_eq!(pairs, uri);
        assert!(ConnectionText::parse("POSTGRES://h/db").is_err());
    }

    #[test]
    fn length_and_zero_bytes_are_limited() {
        let longest = format!("user={}", "u".repeat(ConnectionText::MAX_LENGTH - 5));
        assert!(ConnectionText::parse(&longest).is_ok());
        let length = ConnectionText::MAX_LENGTH + 1;
        let error = ConnectionText::parse(&format!("{longest}u")).unwrap_err();
        assert_eq!(error, TextError::TooLong { length });
        assert_eq!(ConnectionText::parse("user=\0"), Err(TextError::Nul));
    }

    #[test]
    fn unknown_keys_suggest_a_keyword() {
        let message = |text| ConnectionText::parse(text).unwrap_err().to_string();
        assert_eq!(message("hots=x"), "unknown key \"hots\"; did you mean \"host\"?");
        assert_eq!(message("postgres://h?fetch_size=1"), "unknown key \"fetch_size\"");
        assert!(!message("postgres//u:hunter2@h?x=y").contains("hunter2"));
    }

    #[test]
    fn debug_shows_no_value() {
        let text = ConnectionText::parse("postgres://alice:hunter2@h").unwrap();
        assert_eq!(format!("{text:?}"), r#"{"host", "password", "user"}"#);
    }
}
