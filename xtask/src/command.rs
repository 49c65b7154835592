//! What a command says about itself.

use crate::failure::Failure;

/// One command of `cargo xtask`.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// One line for the list of commands.
    pub(crate) about: &'static str,
    /// The arguments, for the line that starts with `Usage:`.
    pub(crate) arguments: &'static str,
    /// What `--help` tells beyond the one line.
    pub(crate) details: &'static str,
    /// Gets the words after the command's name.
    pub(crate) run: fn(&[String]) -> Result<(), Failure>,
}

impl Command {
    /// The text of `--help`.
    pub(crate) fn help(&self) -> String {
        let Self { name, about, arguments, details, .. } = self;
        let text = format!("{about}\n\nUsage: cargo xtask {name} {arguments}");
        format!("{}\n\n{details}", text.trim_end()).trim_end().to_owned()
    }
}
