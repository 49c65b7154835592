//! Options from the environment: `--until-idle` is `PGNUDGE_UNTIL_IDLE`, the connection text `PGNUDGE_DSN`.

use std::ffi::OsString;

use clap::{Arg, Command};

use crate::configuration::{arguments_of, key, nearest};

/// The definition with what the environment says in it.
pub(crate) fn apply(command: Command) -> Command {
    on_every_argument(command, &|argument| match key(&argument) {
        // clap takes an empty variable for a value.
        Some(key) if said(&key).is_some() => argument.env(variable(&key)).hide_env(true),
        _ => argument,
    })
}

/// What the variable of an option says. An empty one says nothing, as in `PGNUDGE_DSN= pgnudge …`.
pub(crate) fn said(key: &str) -> Option<OsString> {
    std::env::var_os(variable(key)).filter(|value| !value.is_empty())
}

/// Warns of each variable that looks like one of ours and is none: a slip of the pen leaves an option at its default.
/// The log tells names only, for a value may be a password.
pub(crate) fn warn_of_strangers(command: &Command) {
    let known: Vec<_> = arguments_of(command).iter().filter_map(key).collect();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| is_strange(name, &known)) {
        let remedy = match meant(&name, &known) {
            Some(meant) => format!("did you mean {meant}?"),
            None => "see pgnudge --help".to_owned(),
        };
        tracing::warn!(name, "no option has this environment variable: {remedy}");
    }
}

fn is_strange(name: &str, known: &[String]) -> bool {
    name.starts_with(PREFIX) && !OTHERS.contains(&name) && !known.iter().any(|key| variable(key) == name)
}

fn meant(name: &str, known: &[String]) -> Option<String> {
    let key = name.strip_prefix(PREFIX)?.to_lowercase().replace('_', "-");
    nearest(&key, known).map(|key| variable(key))
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('-', "_").to_uppercase())
}

fn on_every_argument(command: Command, change: &impl Fn(Arg) -> Arg) -> Command {
    command.mut_args(change).mut_subcommands(|command| on_every_argument(command, change))
}

const PREFIX: &str = "PGNUDGE_";

/// Set for the commands of `--exec`, which may run this program, and read by this project's tests.
const OTHERS: [&str; 9] = [
    "PGNUDGE_ITEM",
    "PGNUDGE_REASON",
    "PGNUDGE_TABLES",
    "PGNUDGE_BIN",
    "PGNUDGE_PG_BIN",
    "PGNUDGE_PGBOUNCER",
    "PGNUDGE_LIBPQ",
    "PGNUDGE_LIBPQ_RUNNER",
    "PGNUDGE_WITHOUT_LIBPQ",
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn every_option_has_a_variable_of_its_own() {
        let command = Arguments::command();
        let watch = command.find_subcommand("watch").unwrap();
        let of = |id: &str| {
            let argument = watch.get_arguments().find(|argument| argument.get_id() == id).unwrap();
            variable(&key(argument).unwrap())
        };
        assert_eq!(
            ["until_idle", "dsn", "tables"].map(of),
            ["PGNUDGE_UNTIL_IDLE", "PGNUDGE_DSN", "PGNUDGE_TABLE"]
        );
    }

    #[test]
    fn a_slip_of_the_pen_is_found() {
        let known: Vec<_> = arguments_of(&Arguments::command()).iter().filter_map(key).collect();
        let check = |name: &str, strange: bool, expected: Option<&str>| {
            assert_eq!(is_strange(name, &known), strange, "{name}");
            assert_eq!(meant(name, &known).filter(|_| strange).as_deref(), expected, "{name}");
        };
        check("PGNUDGE_TABEL", true, Some("PGNUDGE_TABLE"));
        check("PGNUDGE_UNTILIDLE", true, Some("PGNUDGE_UNTIL_IDLE"));
        check("PGNUDGE_PASSWORD", true, None);
        check("PGNUDGE_", true, None);
        for fine in
            ["PGNUDGE_TABLE", "PGNUDGE_HTTP_TOKEN", "PGNUDGE_CONFIG", "PGNUDGE_TABLES", "PGNUDG_TABLE"]
        {
            check(fine, false, None);
        }
    }
}
