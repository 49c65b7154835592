//! A rule, and a place that breaks it.

use std::fmt;

use super::tree::{File, Tree};

/// One rule of the tree.
pub(crate) struct Rule {
    /// What holds, and why it should.
    pub(crate) reason: &'static str,
    /// Every place where it does not hold.
    pub(crate) check: fn(&Tree) -> Vec<Finding>,
}

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    /// In that file, at that line (the first is 1).
    pub(crate) fn new(file: &File, line: usize, message: impl Into<String>) -> Self {
        Self::at(file.path(), line, message)
    }

    /// At a path that may not even exist.
    pub(crate) fn at(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}
