//! How an attempt at a claim ends: with a line of what was measured, or with what was seen instead.

use std::fmt;

use crate::Figure;

/// What was measured: one line, and what there is to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    line: String,
    figures: Vec<Figure>,
}

/// Why a claim could not be upheld: what was expected and what was seen, or which step failed.
///
/// It is for a person to read. It is no `Error` itself, so that every error can become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Evidence {
    /// Takes the line.
    pub fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), figures: Vec::new() }
    }

    /// The same, with something to draw.
    #[must_use]
    pub fn drawn(mut self, figure: Figure) -> Self {
        self.figures.push(figure);
        self
    }

    /// What there is to draw.
    #[must_use]
    pub fn figures(&self) -> &[Figure] {
        &self.figures
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
        f.write_str(&self.line)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Leaves the function with a [`Failure`] unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($seen:tt)+) => {{
        let holds: bool = $condition;
        if !holds {
            return Err($crate::Failure::new(format!($($seen)+)));
        }
    }};
}

/// The line of evidence, as `format!` writes it.
macro_rules! evidence {
    ($($line:tt)+) => {
        Ok($crate::Evidence::new(format!($($line)+)))
    };
}

pub(crate) use {ensure, evidence};
