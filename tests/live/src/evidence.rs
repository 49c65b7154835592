//! How an attempt at a claim ends: with a line of what was measured, or with what was seen instead.

use std::fmt;

/// What was measured: one line, with figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence(String);

/// Why a claim could not be upheld: what was expected and what was seen, or which step failed.
///
/// It is for a person to read. It is no `Error` itself, so that every error can become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Evidence {
    /// Takes the line.
    pub fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl Failure {
    /// Takes what was seen.
    pub fn new(seen: impl Into<String>) -> Self {
        Self(seen.into())
    }

    /// The same, with where it happened in front.
    #[must_use]
    pub fn within(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

/// An error with its causes. (Some errors repeat their cause in their own words.)
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut deeper = error.source();
        while let Some(cause) = deeper {
            let words = cause.to_string();
            if !text.ends_with(&words) {
                text = format!("{text}: {words}");
            }
            deeper = cause.source();
        }
        Self(text)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Leaves the function with a [`Failure`] unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($seen:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($seen)+)));
        }
    };
}

/// The line of evidence, as `format!` writes it.
macro_rules! evidence {
    ($($line:tt)+) => {
        Ok($crate::Evidence::new(format!($($line)+)))
    };
}

pub(crate) use {ensure, evidence};
