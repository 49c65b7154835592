//! A command line that is wrong, in words that repeat no value.
//!
//! What was given may be a secret in the wrong place: a connection text where a command belongs, a token behind
//! the wrong flag, a password in the file. So the words name the option and say what it takes; they quote none of
//! the input but the names of options.

use std::error::Error as _;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The cause, and the remedy.
pub(crate) fn words(error: &Error) -> (String, String) {
    let option = named(error, ContextKind::InvalidArg).join(", ");
    let message = match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("invalid value for '{option}': {}", expected(error))
        }
        ErrorKind::UnknownArgument => match flag(&option) {
            Some(flag) => format!("unexpected argument '{flag}'"),
            None => "there is one argument too many".into(),
        },
        ErrorKind::InvalidSubcommand => "the first argument is not a command".into(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "there is no command".into()
        }
        ErrorKind::ArgumentConflict => {
            let others = named(error, ContextKind::PriorArg).join(", ");
            if others == option || others.is_empty() {
                format!("'{option}' is given more than once")
            } else {
                format!("'{option}' cannot be used with '{others}'")
            }
        }
        ErrorKind::MissingRequiredArgument => format!("required: {option}"),
        kind => {
            let words = kind.as_str().unwrap_or("the arguments cannot be read");
            if option.is_empty() { words.to_owned() } else { format!("{words} ('{option}')") }
        }
    };
    (message, remedy(error))
}

/// What an option takes, as its parser or the list of its values says.
pub(crate) fn expected(error: &Error) -> String {
    let values = named(error, ContextKind::ValidValue);
    match error.source() {
        Some(source) => source.to_string(),
        None if values.is_empty() => "a value is missing".into(),
        None => format!("write one of {}", values.join(", ")),
    }
}

fn remedy(error: &Error) -> String {
    let near = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    let near = near.into_iter().flat_map(|kind| named(error, kind)).next();
    match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => "see pgnudge --help".into(),
    }
}

/// The flag without what is glued to it; `None` for what is no flag.
fn flag(argument: &str) -> Option<&str> {
    let end = argument.find(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '-'));
    let flag = argument.get(..end.unwrap_or(argument.len()))?;
    let short = !flag.starts_with("--");
    let flag = if short { flag.get(..2)? } else { flag };
    flag.starts_with('-').then_some(flag)
}

fn named(error: &Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(name)) => vec![name],
        Some(ContextValue::Strings(names)) => names.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use clap::CommandFactory;

    fn words_about(given: &str) -> (String, String) {
        let given = std::iter::once("pgnudge").chain(given.split(' '));
        words(&Arguments::command().try_get_matches_from(given).unwrap_err())
    }

    #[test]
    fn the_option_is_named_with_what_it_takes() {
        for (given, message, hint) in [
            ("watch --debounce soon", "invalid value for '--debounce <TIME>': write 50ms", "--help"),
            ("watch --plugin wal3json", "'--plugin <PLUGIN>': write one of auto, wal2json", "'wal2json'"),
            ("watch --debonce 1s", "unexpected argument '--debonce'", "'--debounce'"),
            ("watch -x", "unexpected argument '-x'", "--help"),
            ("wach", "the first argument is not a command", "'watch'"),
            ("watch a b", "one argument too many", "--help"),
            ("bridge", "required: ", "--help"),
            ("watch --once --once", "'--once' is given more than once", "--help"),
            (
                "watch --exec x --output json",
                "'--exec <CMD>' cannot be used with '--output <OUTPUT>'",
                "--help",
            ),
        ] {
            let (cause, remedy) = words_about(given);
            assert!(cause.contains(message) && remedy.contains(hint), "{given}: {cause} / {remedy}");
        }
    }

    #[test]
    fn no_value_is_repeated_wherever_it_stands() {
        for given in [
            "postgres://u:hunter2@h/d",
            "watch host=h password=hunter2",
            "watch a postgres://u:hunter2@h/d",
            "watch --debounce hunter2",
            "watch --debounce postgres://u:hunter2@h/d",
            "watch --until-idle=5hunter2",
            "watch --plugin hunter2",
            "watch --head-limit hunter2",
            "watch --backoff hunter2",
            "watch --backoff 1s..hunter2",
            "watch --password=hunter2",
            "watch --password hunter2",
            "watch -phunter2",
            "bridge --http hunter2",
            "bridge --notify hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2",
            "bridge --http 80 --http-max-subscribers hunter2",
            "bridge --http 80 --http-heartbeat hunter2",
            "bridge --http 80 --http-token hunter2 --http-token-file hunter2",
            "bridge --http 80 --http-host http://hunter2/",
            "bridge --http-token hunter2",
            "completions hunter2",
            "--log-format hunter2 watch",
        ] {
            let (message, hint) = words_about(given);
            assert!(!message.contains("hunter2") && !hint.contains("hunter2"), "{given}: {message} / {hint}");
        }
    }
}
