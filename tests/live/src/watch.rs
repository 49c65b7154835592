//! The program `pgnudge watch`, as a consumer of its JSON lines.

use std::path::Path;
use std::time::Duration;

use pgnudge_testkit::{Finished, Memory, Program, Signal, pgnudge_binary};
use tokio::process::Command;

use crate::consumer::{Consumer, PATIENCE};
use crate::{Failure, Item};

/// A running `pgnudge watch --output json`. It is killed when this is dropped.
#[derive(Debug)]
pub struct Watch(Program);

impl Watch {
    /// Starts it with these arguments, the connection text among them.
    ///
    /// # Errors
    /// When it is not built, or cannot be started.
    pub fn start<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Self, Failure> {
        Self::start_with(command()?, arguments)
    }

    /// The same, with an environment of the claim's choice.
    pub(crate) fn start_with<'a>(
        mut command: Command,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Failure> {
        Ok(Self(Program::start(command.args(["watch", "--output", "json"]).args(arguments))?))
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pid(&self) -> Result<u32, Failure> {
        Ok(self.0.pid()?)
    }

    /// Its memory.
    ///
    /// # Errors
    /// When it has ended, or the system does not tell.
    pub fn memory(&self) -> Result<Memory, Failure> {
        Ok(Memory::of(self.pid()?)?)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        Ok(self.0.signal(signal)?)
    }

    /// Its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.0.stderr()
    }

    /// Closes our end of its standard output.
    pub fn close_stdout(&mut self) {
        self.0.close_stdout();
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within the limit.
    pub async fn wait(self, limit: Duration) -> Result<Finished, Failure> {
        Ok(self.0.wait(limit).await?)
    }
}

impl Consumer for Watch {
    async fn next_item(&mut self) -> Result<Item, Failure> {
        Item::from_json(&self.0.next_line(PATIENCE).await?)
    }
}

/// The program in an environment in which no setting of the caller's reaches it.
pub(crate) fn command() -> Result<Command, Failure> {
    Ok(clean(&pgnudge_binary()?))
}

/// Any program in such an environment.
pub(crate) fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG");
    command
}
