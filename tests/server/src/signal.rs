//! Signals to one process, through the `kill` program: std can only kill its own children.

use std::fmt;

use crate::error::Error;
use crate::program;

/// A signal that the suites send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL: it ends without a word.
    Kill,
    /// SIGTERM: it is asked to end.
    Term,
    /// SIGINT: what Ctrl-C sends.
    Int,
    /// SIGSTOP: it is paused.
    Stop,
    /// SIGCONT: it goes on.
    Cont,
}

impl Signal {
    /// Sends the signal to exactly that process.
    ///
    /// # Errors
    /// When there is no such process, or it is not ours to signal.
    pub fn send(self, pid: u32) -> Result<(), Error> {
        program::output_of(program::command("kill").arg("-s").arg(self.to_string()).arg(pid.to_string()))?;
        Ok(())
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "KILL",
            Self::Term => "TERM",
            Self::Int => "INT",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
        })
    }
}
