//! The one error of this crate: what went wrong, and what to do about it.

use std::fmt;

/// Why there is no server, or why a step of its life failed.
///
/// It is for a person at a terminal: nothing in the suites decides by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    cause: String,
    remedy: Option<String>,
}

impl Error {
    pub(crate) fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: None }
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What went wrong, with the places looked at or the program's own words.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What to install, set or start, where there is such advice.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\nremedy: {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
