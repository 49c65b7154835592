//! Why a feed could not be had, or why its connection ended.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use nudge_decode::PatternError;
use nudge_proto::{Printable, SqlState};

use crate::named::named;

/// A failure: what happened in one line, what to do about it in another, and the cause underneath.
///
/// `Display` is the one line; [`hint`](Self::hint) is the remedy, and `{:#}` writes both; `source()` is the cause, where
/// there is one. Both lines are [`Printable`], whatever they quote.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    permanent: bool,
    message: String,
    hint: Option<String>,
    sqlstate: Option<SqlState>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl From<PatternError> for Error {
    fn from(error: PatternError) -> Self {
        Self::config(error.to_string(), error.hint())
    }
}

/// What cannot fail has no error.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// What a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is wrong or contradicts another.
    Config,
    /// The server cannot be reached, or the connection broke.
    Network,
    /// TLS cannot be had as it was asked for.
    Tls,
    /// The server refused the user or its password, or we refused the server.
    Authentication,
    /// The database does not exist.
    Database,
    /// The role lacks a privilege, usually REPLICATION.
    Privilege,
    /// The server is not configured for logical decoding.
    WalLevel,
    /// The output plugin is missing or not allowed.
    Plugin,
    /// All slots, walsenders or connections are in use.
    Exhausted,
    /// The server is starting up, shutting down, or was told to end the connection.
    Unavailable,
    /// Something took too long.
    Timeout,
    /// The peer does not speak the protocol.
    Protocol,
    /// Another error of the server.
    Server,
}

named! {
    ErrorKind:
    Config = "config",
    Network = "network",
    Tls = "tls",
    Authentication = "authentication",
    Database = "database",
    Privilege = "privilege",
    WalLevel = "wal_level",
    Plugin = "plugin",
    Exhausted = "exhausted",
    Unavailable = "unavailable",
    Timeout = "timeout",
    Protocol = "protocol",
    Server = "server",
}

impl Error {
    /// A failure that trying again does not cure.
    pub fn permanent(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, true, &message.into())
    }

    /// A failure that may be over the next time.
    pub fn transient(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, false, &message.into())
    }

    /// A setting that is wrong, with the remedy.
    pub fn config(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::permanent(ErrorKind::Config, message).with_hint(hint)
    }

    fn new(kind: ErrorKind, permanent: bool, message: &str) -> Self {
        let message = Printable(message).to_string();
        Self(Arc::new(Inner { kind, permanent, message, hint: None, sqlstate: None, source: None }))
    }

    /// Adds the remedy: one sentence. An empty one is none.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        let hint = Printable(hint.into()).to_string();
        self.edit(|inner| inner.hint = Some(hint).filter(|hint| !hint.is_empty()))
    }

    /// Puts another remedy in the place of the one there is.
    #[must_use]
    pub(crate) fn with_better_hint(self, hint: &str) -> Self {
        self.wrap(|inner| inner.hint = Some(hint.into()))
    }

    /// Says what happened with several servers, of which this error is one's.
    #[must_use]
    pub(crate) fn with_summary(self, message: String, permanent: bool) -> Self {
        self.wrap(|inner| (inner.message, inner.permanent) = (message, permanent))
    }

    /// The same with a change, and the whole error underneath: its own words may help, too.
    fn wrap(self, change: impl FnOnce(&mut Inner)) -> Self {
        let Inner { kind, permanent, ref message, ref hint, sqlstate, .. } = *self.0;
        let (message, hint) = (message.clone(), hint.clone());
        let mut inner = Inner { kind, permanent, message, hint, sqlstate, source: None };
        change(&mut inner);
        inner.source = Some(Box::new(self));
        Self(Arc::new(inner))
    }

    /// Says where it happened, in front of what happened.
    #[must_use]
    pub(crate) fn at(self, place: &str) -> Self {
        self.edit(|inner| inner.message = format!("{place}: {}", inner.message))
    }

    /// Says why it happened, behind what happened.
    #[must_use]
    pub(crate) fn because(self, why: &str) -> Self {
        self.edit(|inner| inner.message = format!("{}: {}", inner.message, Printable(why)))
    }

    /// Adds the server's code.
    #[must_use]
    pub fn with_sqlstate(self, code: SqlState) -> Self {
        self.edit(|inner| inner.sqlstate = Some(code))
    }

    /// Adds the cause underneath.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.edit(|inner| inner.source = Some(source.into()))
    }

    /// Builders run before the error is shared; on a shared one they change nothing.
    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// What it is about.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again is pointless until somebody changes something.
    pub fn is_permanent(&self) -> bool {
        self.0.permanent
    }

    /// The remedy, one sentence.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The server's SQLSTATE, if the server said no.
    pub fn sqlstate(&self) -> Option<SqlState> {
        self.0.sqlstate
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.hint {
            Some(hint) if f.alternate() => write!(f, "{}; hint: {hint}", self.0.message),
            _ => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, permanent, message, hint, sqlstate, source } = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", kind).field("permanent", permanent).field("message", message);
        debug.field("hint", hint).field("sqlstate", sqlstate).field("source", source).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alternate_form_has_the_remedy_if_there_is_one() {
        let error = Error::transient(ErrorKind::Server, "it rains");
        assert_eq!(format!("{error:#}"), "it rains");
        let error = error.with_hint("take an umbrella");
        assert_eq!(
            (format!("{error}"), format!("{error:#}")),
            ("it rains".into(), "it rains; hint: take an umbrella".into())
        );
        assert_eq!(error.with_hint("").hint(), None);
    }

    #[test]
    fn neither_line_can_steer_what_shows_it() {
        let error = Error::transient(ErrorKind::Server, "x\nMAINPID=1\u{202e}").with_hint("do\x1b[2J\u{9b}");
        assert_eq!(error.to_string(), r"x\nMAINPID=1\u{202e}");
        assert_eq!(error.hint(), Some(r"do\u{1b}[2J\u{9b}"));
    }
}
