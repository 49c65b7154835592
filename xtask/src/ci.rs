//! `cargo xtask ci`: what the continuous integration runs, command for command.

use crate::arguments::Arguments;
use crate::command::Command;
use crate::failure::Failure;
use crate::{bench, lint, test};

pub(crate) const COMMAND: Command = Command {
    name: "ci",
    about: "lint, test and budgets, as the continuous integration does",
    arguments: "",
    details: "",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    Arguments::new(words).none()?;
    (lint::COMMAND.run)(&[])?;
    (test::COMMAND.run)(&[])?;
    (bench::COMMAND.run)(&["instructions".to_owned()])
}
