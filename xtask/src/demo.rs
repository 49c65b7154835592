//! `cargo xtask demo`: see it work on a throwaway server.

use std::process::Command as Process;

use crate::arguments::Arguments;
use crate::cargo;
use crate::command::Command;
use crate::failure::Failure;
use crate::setup::{self, Purpose};

pub(crate) const COMMAND: Command = Command {
    name: "demo",
    about: "shows pgnudge at work on a throwaway server",
    arguments: "[--bin-dir DIR] [EXAMPLE]",
    details: "  --bin-dir DIR  take PostgreSQL's server programs from there
  EXAMPLE        run that program of examples/ instead, while a table changes, until Ctrl-C",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let mut arguments = Arguments::new(words);
    let bin_dir = arguments.bin_dir()?;
    let examples = arguments.names()?;
    if let [_, second, ..] = examples.as_slice() {
        return Err(Failure::Usage(format!("unknown argument {second}")));
    }
    setup::ensure(Purpose::Servers, bin_dir.as_slice())?;
    let mut demo = live_program("demo")?;
    if let Some(dir) = bin_dir {
        demo.env("PGNUDGE_PG_BIN", dir);
    }
    demo.args(examples);
    cargo::run(&mut demo)
}

/// Builds the command line tool and the programs of the live suite, and returns one of these.
///
/// One build for both: built one by one, their dependencies would be compiled once with the
/// features of the one and once with those of the other.
///
/// # Errors
/// When the build fails.
pub(crate) fn live_program(name: &str) -> Result<Process, Failure> {
    cargo::run(&mut cargo::cargo("build --package pgnudge-cli --package pgnudge-live --bins"))?;
    let mut program = Process::new(cargo::built(name)?);
    program.env("PGNUDGE_BIN", cargo::built("pgnudge")?);
    Ok(program)
}
