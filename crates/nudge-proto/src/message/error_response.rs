//! The server's "no".

use alloc::string::String;
use core::fmt;

use super::{NoticeResponse, SqlState};
use crate::Printable;

/// ErrorResponse, the fields of it that a person or a program acts on.
///
/// The texts are what the server sent, made UTF-8. They may hold anything, terminal escapes included:
/// `Display` is [`Printable`], the getters are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    severity: String,
    code: SqlState,
    message: String,
    detail: String,
    hint: String,
    routine: String,
}

impl ErrorResponse {
    /// Never fails: an error that cannot be read is still an error. Its size is bounded by the head.
    pub(crate) fn parse(head: &[u8]) -> Self {
        let fields = NoticeResponse::new(head, false);
        let text = |code| String::from_utf8_lossy(fields.field(code).unwrap_or_default()).into_owned();
        // V is the severity untranslated; S may say FATAL in any language.
        let severity = if fields.field(b'V').is_some() { text(b'V') } else { text(b'S') };
        let code = fields.field(b'C').and_then(SqlState::parse).unwrap_or(SqlState::UNKNOWN);
        let [message, detail, hint, routine] = [b'M', b'D', b'H', b'R'].map(text);
        Self { severity, code, message, detail, hint, routine }
    }

    /// `ERROR`, `FATAL` or `PANIC`; in the server's language before PostgreSQL 9.6.
    pub fn severity(&self) -> &str {
        &self.severity
    }

    /// Whether the server ends the connection with this error.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// The SQLSTATE code, `XXUUU` if the server sent none.
    pub fn code(&self) -> SqlState {
        self.code
    }

    /// The primary text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A second, longer text; often empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What the server suggests; often empty.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The function of the server that reports the error, which no `lc_messages` translates; empty where
    /// what answers is no server.
    pub fn routine(&self) -> &str {
        &self.routine
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", Printable(&self.message), self.code)
    }
}

impl core::error::Error for ErrorResponse {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_untranslated_severity_counts() {
        let error = ErrorResponse::parse(b"SFATALE\0VFATAL\0C28P01\0Mno\0Dwhy\0Hdo\0\0");
        assert!(error.is_fatal());
        assert_eq!((error.code(), error.detail(), error.hint()), (SqlState::INVALID_PASSWORD, "why", "do"));
    }

    #[test]
    fn garbage_is_still_an_error() {
        for head in [&b""[..], b"\0", b"C", b"Mtext", b"\xff\xff\xff", b"C123456\0"] {
            assert_eq!(ErrorResponse::parse(head).code(), SqlState::UNKNOWN, "{head:?}");
        }
    }

    #[test]
    fn display_cannot_steer_a_terminal() {
        let error = ErrorResponse::parse(b"SERROR\0C22000\0Ma\x1b[2J\nb\xc2\x9b\0\0");
        assert_eq!(error.to_string(), r"a\u{1b}[2J\nb\u{9b} (SQLSTATE 22000)");
    }
}
