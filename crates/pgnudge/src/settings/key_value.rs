//! Connection texts of the form `key = value key = 'a value'`.
//!
//! Follows "Keyword/Value Connection Strings" of the manual. Blanks are C's
//! `isspace`. A backslash takes the next character as it is, inside and outside
//! of quotes.

use super::connection_text::{ConnectionText, TextError, UnknownKey};
use super::keyword::Keyword;

/// Why a key=value text cannot be read. No part of the text is shown: what
/// follows an unquoted blank may be the second half of a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyValueError {
    /// A word that no `=` follows.
    #[error("missing \"=\" after the word at byte {position} of the connection text")]
    MissingEquals {
        /// Where the word starts, counted from 1.
        position: usize,
        /// Whether the word looks like a URI of another scheme.
        looks_like_uri: bool,
    },
    /// A quote that is not closed.
    #[error("the quote at byte {position} of the connection text is not closed")]
    UnterminatedQuote {
        /// Where the quote is, counted from 1.
        position: usize,
    },
}

impl KeyValueError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::MissingEquals { looks_like_uri: true, .. } => {
                "a connection URI starts with postgres:// or postgresql://, and no blank before it"
            }
            Self::MissingEquals { .. } => {
                "a database alone is dbname=NAME, and a value with blanks is quoted: key='a b'"
            }
            Self::UnterminatedQuote { .. } => "inside a quoted value, ' is written \\'",
        }
    }
}

/// Reads a key=value text; an empty one is valid and gives nothing.
pub(super) fn parse(text: &str) -> Result<ConnectionText, TextError> {
    let mut given = ConnectionText::default();
    let mut scanner = Scanner { text, at: 0 };
    let mut after_secret = false;
    loop {
        scanner.skip_blanks();
        if scanner.peek().is_none() {
            return Ok(given);
        }
        let key = scanner.key()?;
        let value = scanner.value()?;
        let hide = |error: UnknownKey| if after_secret { error.hidden() } else { error };
        given.set(key, value).map_err(hide)?;
        after_secret = Keyword::named(key).is_some_and(Keyword::is_secret);
    }
}

/// A position in the text. Every delimiter is ASCII, so it stays on characters.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// The key and its `=`.
    fn key(&mut self) -> Result<&'a str, KeyValueError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c != '=' && !is_blank(c)) {
            self.next();
        }
        let key = &self.text[start..self.at];
        self.skip_blanks();
        if self.next() == Some('=') {
            return Ok(key);
        }
        Err(KeyValueError::MissingEquals { position: start + 1, looks_like_uri: key.contains("://") })
    }

    fn value(&mut self) -> Result<String, KeyValueError> {
        self.skip_blanks();
        match self.peek() {
            Some('\'') => self.quoted_value(),
            _ => Ok(self.bare_value()),
        }
    }

    fn bare_value(&mut self) -> String {
        let mut value = String::new();
        while let Some(next) = self.next().filter(|next| !is_blank(*next)) {
            match next {
                '\\' => value.extend(self.next()),
                next => value.push(next),
            }
        }
        value
    }

    fn quoted_value(&mut self) -> Result<String, KeyValueError> {
        let position = self.at + 1;
        let mut value = String::new();
        self.next();
        loop {
            match self.next() {
                None => return Err(KeyValueError::UnterminatedQuote { position }),
                Some('\'') => return Ok(value),
                Some('\\') => value.extend(self.next()),
                Some(next) => value.push(next),
            }
        }
    }
}

/// C's `isspace`; Rust's ASCII white space lacks the vertical tab.
pub(super) fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let given = parse(text).unwrap();
        assert_eq!(given.iter().collect::<Vec<_>>(), expected, "{text}");
    }

    fn check_error(text: &str, expected: KeyValueError) {
        assert_eq!(parse(text).unwrap_err(), TextError::KeyValue(expected), "{text}");
    }

    #[test]
    fn pairs_and_blanks() {
        check("", &[]);
        check(" \t\r\n\x0b\x0c", &[]);
        check("host=a", &[("host", "a")]);
        check(" host = a  port\t=\n5 ", &[("host", "a"), ("port", "5")]);
        check("host='a'port=1", &[("host", "a"), ("port", "1")]);
    }

    #[test]
    fn the_last_value_of_a_key_wins() {
        check("host=a host=b", &[("host", "b")]);
    }

    #[test]
    fn quotes_and_backslashes() {
        check("user='a b'", &[("user", "a b")]);
        check("user=''", &[("user", "")]);
        check("user=", &[("user", "")]);
        check(r"user='it\'s \\ me'", &[("user", r"it's \ me")]);
        check(r"user=a\ b", &[("user", "a b")]);
        check(r"user=a\'", &[("user", "a'")]);
        check("user=a'b'", &[("user", "a'b'")]);
        check(r"user=a\", &[("user", "a")]);
        check("user=grün", &[("user", "grün")]);
    }

    #[test]
    fn a_blank_after_equals_does_not_end_the_value() {
        check("user= host=x", &[("user", "host=x")]);
    }

    #[test]
    fn requiressl_is_an_old_word_for_sslmode() {
        check("requiressl=1", &[("sslmode", "require")]);
        check("requiressl=0", &[("sslmode", "prefer")]);
    }

    #[test]
    fn missing_equals() {
        let missing = |position, looks_like_uri| KeyValueError::MissingEquals { position, looks_like_uri };
        check_error("app", missing(1, false));
        check_error("host=a b c=d", missing(8, false));
        check_error("postgre://u:hunter2@h/db", missing(1, true));
    }

    #[test]
    fn the_tail_of_an_unquoted_password_is_not_shown() {
        let message = |text| parse(text).unwrap_err().to_string();
        let hidden = "an unknown key (not shown, it may be a part of a password)";
        assert_eq!(message("password=correct horse=x"), hidden);
        assert!(message("password=correct hots=x").contains("\"host\""));
        assert!(message("user=correct horse=x").contains("\"horse\""));
    }

    #[test]
    fn unterminated_quotes() {
        check_error("host='a", KeyValueError::UnterminatedQuote { position: 6 });
        check_error(r"host='a\'", KeyValueError::UnterminatedQuote { position: 6 });
        check_error(r"host='a\", KeyValueError::UnterminatedQuote { position: 6 });
    }
}
