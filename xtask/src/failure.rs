//! How a command fails, and what the person at the terminal sees of it.

use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command line makes no sense: exit status 2.
    Usage(String),
    /// The work failed, for this reason.
    Task(String),
    /// The work failed, and its own output has said why.
    Shown,
}

impl Failure {
    /// Says it on standard error and turns it into an exit status.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Usage(text) => {
                eprintln!("error: {text}");
                return ExitCode::from(2);
            }
            Self::Task(text) => eprintln!("error: {text}"),
            Self::Shown => {}
        }
        ExitCode::FAILURE
    }
}
