//! The account that servers run under: ours, or `postgres` when we are root.
//!
//! PostgreSQL refuses to run as root. Dropping to another user needs a system call that std
//! offers only unsafely, so a program does it: `setpriv`, `runuser` or `su`, whichever works.

use std::process::Command;

use crate::error::Error;
use crate::program;

/// How to run a program as the user who may run a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    prefix: &'static [&'static str],
}

impl Account {
    /// The account for this process.
    ///
    /// # Errors
    /// As root: when there is no user `postgres`, or no program that can switch to it.
    pub(crate) fn for_servers() -> Result<Self, Error> {
        if user_id(&[])? != "0" {
            return Ok(Self { prefix: &[] });
        }
        user_id(&["postgres"]).map_err(|error| {
            Error::new(format!("PostgreSQL does not run as root, and {}", error.cause()))
                .with_remedy("add the user (useradd --system postgres), or do not run as root")
        })?;
        SWITCHES.iter().map(|prefix| Self { prefix }).find(Self::works).ok_or_else(|| {
            Error::new("no program here can run another as user postgres (setpriv, runuser, su)")
                .with_remedy("install util-linux, or do not run as root")
        })
    }

    /// A command that runs `program` under this account.
    pub(crate) fn command(&self, program: &str) -> Command {
        match self.prefix {
            [] => program::command(program),
            [switch, arguments @ ..] => {
                let mut command = program::command(switch);
                command.args(arguments).arg(program).env("HOME", "/");
                command
            }
        }
    }

    fn works(&self) -> bool {
        program::output_of(self.command("true").arg("--")).is_ok()
    }
}

/// What to put before a program and its arguments. (The shell that `su` starts runs the rest
/// of its line as the program.)
const SWITCHES: [&[&str]; 3] = [
    &["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"],
    &["runuser", "-u", "postgres", "--"],
    &["su", "-s", "/bin/sh", "postgres", "-c", "exec \"$0\" \"$@\"", "--"],
];

fn user_id(arguments: &[&str]) -> Result<String, Error> {
    let id = program::output_of(program::command("id").arg("-u").args(arguments))?;
    Ok(id.trim().to_owned())
}
