//! Errors as the command line shows them: one line for the cause, one for the remedy.

use std::io::{self, Write};
use std::process::ExitCode;

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
        let rendered = error.render().to_string();
        let mut lines = rendered.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let tip = lines.find_map(|line| line.strip_prefix("tip: ")).map(str::to_owned);
        Self { status: 2, message, hint: tip.unwrap_or_else(|| "see pgnudge --help".into()) }
    }

    /// Something other than the feed stands in the way.
    pub(crate) fn because(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: 1, message: message.into(), hint: hint.into() }
    }

    /// Prints the two lines and yields the status. Where stderr is closed nobody reads them.
    pub(crate) fn report(&self) -> ExitCode {
        let Self { status, message, hint } = self;
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "error: {}", one_line(message));
        if !hint.is_empty() {
            let _ = writeln!(stderr, "hint: {}", one_line(hint));
        }
        ExitCode::from(*status)
    }
}

/// Causes may quote what came from outside.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

impl From<pgnudge::Error> for Failure {
    fn from(error: pgnudge::Error) -> Self {
        let hint = error.hint().unwrap_or("run with -v to see what the connection does").to_owned();
        Self { status: 1, message: error.to_string(), hint }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { status: 1, message: error.to_string(), hint: String::new() }
    }
}
