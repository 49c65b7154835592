//! `pgnudge completions` and `pgnudge man`: what packagers install beside the program.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::failure::Failure;

/// Prints the completions of a shell.
pub(crate) fn print(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "pgnudge", &mut script);
    Ok(io::stdout().write_all(&script)?)
}

/// Prints a page of the manual: `pgnudge(1)`, or `pgnudge-watch(1)` for the command `watch`.
pub(crate) fn print_page(page: Option<&str>) -> Result<(), Failure> {
    let mut command = Arguments::command();
    command.build();
    let command = match page {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            let found = found.ok_or_else(|| {
                let names: Vec<_> = command.get_subcommands().map(|command| command.get_name()).collect();
                let message = format!("there is no command {name:?}");
                Failure::configuration(message, format!("the pages are those of {}", names.join(", ")))
            })?;
            // As `man` looks it up.
            found.name(format!("pgnudge-{name}"))
        }
    };
    let mut roff = Vec::new();
    Man::new(command).render(&mut roff)?;
    Ok(io::stdout().write_all(&roff)?)
}
