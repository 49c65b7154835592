//! The one error of the testkit: a sentence about what happened instead.

use std::fmt;

/// Why a step of a test could not be made. It is for a person to read, not for code to decide by.
///
/// `Debug` prints the same sentence as `Display`, because tests unwrap it.
pub struct Error(String);

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// What happened, with the words of its cause and of the causes behind that. (Some errors
    /// repeat their cause in their own words.)
    pub(crate) fn because(what: impl Into<String>, cause: impl std::error::Error) -> Self {
        let mut text = format!("{}: {cause}", what.into());
        let mut deeper = cause.source();
        while let Some(error) = deeper {
            let words = error.to_string();
            if !text.ends_with(&words) {
                text = format!("{text}: {words}");
            }
            deeper = error.source();
        }
        Self(text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<pgnudge_testserver::Error> for Error {
    fn from(error: pgnudge_testserver::Error) -> Self {
        Self(error.to_string())
    }
}
