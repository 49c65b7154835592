//! Errors as the command line shows them: one line for the cause, one for the remedy.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use pgnudge::Printable;

use crate::usage;

/// An error while running; for `doctor`: no transport works.
const FAILED: u8 = 1;
/// A command line, environment or file that is wrong.
const USAGE: u8 = 2;
/// The last run of a command of `--exec` failed.
const COMMAND: u8 = 3;
/// `--timeout` ran out.
const TIMEOUT: u8 = 4;

/// Why the program ends, and with which status.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    message: String,
    hint: String,
}

impl Failure {
    /// A command line that cannot be read.
    pub(crate) fn usage(error: &clap::Error) -> Self {
        let (message, hint) = usage::words(error);
        Self { status: USAGE, message, hint }
    }

    /// A configuration that cannot be read, or that asks for what cannot be.
    pub(crate) fn configuration(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: USAGE, message: message.into(), hint: hint.into() }
    }

    /// The command of `--exec` failed, and the run is over.
    pub(crate) fn command(message: impl Into<String>) -> Self {
        let hint = "the command's own words are above; every failed run is in the log";
        Self { status: COMMAND, message: message.into(), hint: hint.into() }
    }

    /// `--timeout` ran out.
    pub(crate) fn timeout(limit: Duration) -> Self {
        let hint = "-v shows what the connection did; give a longer --timeout if nothing is wrong";
        Self { status: TIMEOUT, message: format!("--timeout of {limit:?} ran out"), hint: hint.into() }
    }

    /// What is wrong was told on stdout.
    pub(crate) fn told() -> Self {
        Self { status: FAILED, message: String::new(), hint: String::new() }
    }

    /// Something other than the feed stands in the way.
    pub(crate) fn because(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: 1, message: message.into(), hint: hint.into() }
    }

    /// Prints the two lines and yields the status. Where stderr is closed nobody reads them.
    pub(crate) fn report(&self) -> ExitCode {
        let Self { status, message, hint } = self;
        let mut stderr = io::stderr().lock();
        if !message.is_empty() {
            let _ = writeln!(stderr, "error: {}", Printable(message));
        }
        if !hint.is_empty() {
            let _ = writeln!(stderr, "hint: {}", Printable(hint));
        }
        ExitCode::from(*status)
    }
}

/// What is wrong with a connection text, a pattern or a knob was typed.
pub(crate) fn typed(error: pgnudge::Error) -> Failure {
    Failure { status: USAGE, ..error.into() }
}

impl From<pgnudge::Error> for Failure {
    fn from(error: pgnudge::Error) -> Self {
        let hint = error.hint().unwrap_or("run with -v to see what the connection does").to_owned();
        Self { status: FAILED, message: error.to_string(), hint }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { status: FAILED, message: error.to_string(), hint: String::new() }
    }
}
