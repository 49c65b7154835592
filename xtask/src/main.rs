//! The tasks of this project, as `cargo xtask COMMAND`.
//!
//! One file per command; this one only finds the command and reports how it ended. It depends
//! on std and on the crate that finds PostgreSQL, so that it compiles in seconds: whatever
//! needs more is a program or a suite of its own, which a command here builds and runs.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for the terminal: printing is its job"
)]

mod arguments;
mod bench;
mod cargo;
mod ci;
mod command;
mod demo;
mod failure;
mod fuzz;
mod lint;
mod proof;
mod setup;
mod suggestion;
mod test;
mod tidy;

use std::ffi::OsString;
use std::process::ExitCode;

use command::Command;
use failure::Failure;

/// Every command, in the order of the usage text.
const COMMANDS: [Command; 9] = [
    setup::COMMAND,
    demo::COMMAND,
    test::COMMAND,
    proof::COMMAND,
    fuzz::COMMAND,
    bench::COMMAND,
    lint::COMMAND,
    tidy::COMMAND,
    ci::COMMAND,
];

fn main() -> ExitCode {
    let words: Result<Vec<String>, OsString> =
        std::env::args_os().skip(1).map(OsString::into_string).collect();
    let result = match words {
        Ok(words) => dispatch(&words),
        Err(word) => Err(Failure::Usage(format!("{} is not text", word.display()))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(words: &[String]) -> Result<(), Failure> {
    let (name, rest) = match words {
        [] => return Err(Failure::Usage(format!("which command?\n\n{}", usage()))),
        [name, ..] if asks_for_help(name) => {
            println!("{}", usage());
            return Ok(());
        }
        [name, rest @ ..] => (name, rest),
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let names = COMMANDS.map(|command| command.name);
        let hint = suggestion::for_unknown(name, &names);
        return Err(Failure::Usage(format!("unknown command {name}{hint}")));
    };
    if rest.iter().take_while(|word| *word != "--").any(|word| asks_for_help(word)) {
        println!("{}", command.help());
        return Ok(());
    }
    (command.run)(rest)
}

fn asks_for_help(word: &str) -> bool {
    matches!(word, "help" | "--help" | "-h")
}

fn usage() -> String {
    let mut text = "Usage: cargo xtask COMMAND [ARGUMENTS]\n".to_owned();
    for command in COMMANDS {
        text.push_str(&format!("\n  {:<7} {}", command.name, command.about));
    }
    text.push_str("\n\n`cargo xtask COMMAND --help` tells more.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        match dispatch(&words).expect_err("refused") {
            Failure::Usage(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_command_is_refused_with_the_nearest_one() {
        assert_eq!(refusal(&["tset"]), "unknown command tset; did you mean test?");
        assert_eq!(refusal(&["deploy"]), "unknown command deploy");
    }

    #[test]
    fn an_unknown_flag_is_refused_with_the_nearest_one() {
        assert_eq!(
            refusal(&["test", "--bindir", "/x"]),
            "unknown argument --bindir; did you mean --bin-dir?"
        );
        assert_eq!(refusal(&["tidy", "everything"]), "unknown argument everything");
    }

    #[test]
    fn without_a_command_the_usage_is_an_error() {
        assert!(refusal(&[]).contains("Usage: cargo xtask COMMAND"));
    }

    #[test]
    fn the_usage_names_every_command() {
        for command in COMMANDS {
            assert!(usage().contains(command.about), "{}", command.name);
            assert!(command.help().contains(command.about), "{}", command.name);
        }
    }
}
