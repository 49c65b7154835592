//! Options from a file: the same names as on the command line, `until-idle = "5s"` for `--until-idle`, `dsn` for the
//! connection text.
//!
//! `--config` or `PGNUDGE_CONFIG` names the file, in TOML. Flags win over the environment, and that over the file. A
//! file is for all commands: each takes what it knows, and what none of them knows is an error. Nothing here lists
//! the options: they are those of the definition.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use toml::de::{DeTable, DeValue};

use crate::failure::Failure;
use crate::{environment, usage};

/// The definition with what the environment says in it, and the words of the command line with what the file says.
pub(crate) fn apply(command: Command, given: Vec<OsString>) -> Result<(Command, Vec<OsString>), Failure> {
    let command = environment::apply(command);
    let Some(path) = file_named_in(&given).or_else(|| environment::said("config").map(PathBuf::from)) else {
        return Ok((command, given));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let message = format!("the configuration file {} cannot be read: {error}", path.display());
        Failure::configuration(message, "check --config, or PGNUDGE_CONFIG")
    })?;
    let settings = settings(&command, &text).map_err(|mistake| mistake.in_file(&path))?;
    let given = with_settings(&command, &settings, given);
    Ok((command, given))
}

/// A setting of the file, and its values as the command line would have them.
#[derive(Debug)]
struct Setting {
    key: String,
    values: Vec<String>,
}

/// What the file says, checked one by one.
fn settings(command: &Command, text: &str) -> Result<Vec<Setting>, Mistake> {
    let settings = DeTable::parse(text).map_err(|error| Mistake {
        line: error.span().map(|span| Place::of(text, span.start)),
        message: "this is not TOML".into(),
        hint: "strings stand in quotes, one setting to a line: see https://toml.io".into(),
    })?;
    let mut known = arguments_of(command);
    known.retain(|argument| key(argument).is_some_and(|key| key != "config"));
    let mut found = Vec::new();
    for (name, value) in settings.get_ref() {
        let at = |start| move |(message, hint)| Mistake { line: Some(Place::of(text, start)), message, hint };
        let argument = known.iter().find(|argument| key(argument).as_deref() == Some(name.get_ref()));
        let argument =
            argument.ok_or_else(|| unknown(name.get_ref(), &known)).map_err(at(name.span().start))?;
        let values = values(name.get_ref(), value.get_ref()).map_err(at(value.span().start))?;
        check(argument, name.get_ref(), &values).map_err(at(value.span().start))?;
        found.push(Setting { key: name.get_ref().to_string(), values });
    }
    Ok(found)
}

/// The words that were given, and behind them the file's settings as flags, where the command knows them and neither
/// the command line nor the environment has said anything: so they count like flags where one option needs or excludes
/// another.
fn with_settings(command: &Command, settings: &[Setting], mut given: Vec<OsString>) -> Vec<OsString> {
    let lenient = lenient(command.clone());
    let Some((name, said)) =
        lenient.try_get_matches_from(&given).ok().and_then(|mut all| all.remove_subcommand())
    else {
        return given; // The help, or a mistake that the next reading reports.
    };
    let below = command.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
    let everywhere = command.get_arguments().filter(|argument| argument.is_global_set());
    let unsaid = below.chain(everywhere).filter(|argument| {
        use clap::parser::ValueSource::{CommandLine, EnvVariable};
        let id = argument.get_id().as_str();
        let source = said.try_contains_id(id).ok().and_then(|_| said.value_source(id));
        !matches!(source, Some(CommandLine | EnvVariable))
    });
    let named = unsaid.filter_map(|argument| {
        let setting = settings.iter().find(|setting| key(argument).as_ref() == Some(&setting.key));
        setting.map(|setting| words(argument, setting))
    });
    let words: Vec<_> = named.flatten().map(OsString::from).collect();
    let end = given.iter().position(|word| word == "--").unwrap_or(given.len());
    given.splice(end..end, words);
    given
}

/// It reads what it can.
fn lenient(command: Command) -> Command {
    command.ignore_errors(true).mut_subcommands(lenient)
}

/// A setting as one would type it.
fn words(argument: &Arg, Setting { key, values }: &Setting) -> Vec<String> {
    let first = values.first().map(String::as_str).unwrap_or_default();
    match argument.get_action() {
        _ if argument.get_long().is_none() => values.clone(),
        ArgAction::Count => vec![format!("--{key}"); first.parse().unwrap_or(0)],
        action if action.takes_values() => values.iter().map(|value| format!("--{key}={value}")).collect(),
        _ => vec![format!("--{key}"); usize::from(first == "true")],
    }
}

/// What is wrong in the file, and where. It quotes the names of settings, never a value: what stands there may be
/// a password.
#[derive(Debug)]
struct Mistake {
    line: Option<Place>,
    message: String,
    hint: String,
}

/// A place in a text, both counted from 1, the column in characters.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}

impl Mistake {
    fn in_file(self, path: &Path) -> Failure {
        let Self { line, message, hint } = self;
        let place = line.map(|Place { line, column }| format!(", line {line}, column {column}"));
        Failure::configuration(format!("{}{}: {message}", path.display(), place.unwrap_or_default()), hint)
    }
}

/// What an option is called outside of the command line: its long name; the connection text has none.
pub(crate) fn key(argument: &Arg) -> Option<String> {
    match argument.get_long() {
        Some(long) => Some(long.to_owned()),
        None => (argument.get_id() == "dsn").then(|| "dsn".to_owned()),
    }
}

pub(crate) fn arguments_of(command: &Command) -> Vec<Arg> {
    let below = command.get_subcommands().flat_map(arguments_of);
    command.get_arguments().cloned().chain(below).collect()
}

/// The file has to be known before the command line can be read.
fn file_named_in(given: &[OsString]) -> Option<PathBuf> {
    let mut given = given.iter().skip(1).take_while(|argument| *argument != "--");
    while let Some(argument) = given.next() {
        if argument == "--config" {
            return given.next().map(PathBuf::from);
        }
        if let Some(path) = argument.to_str().and_then(|argument| argument.strip_prefix("--config=")) {
            return Some(path.into());
        }
    }
    None
}

/// A value as the command line would have it; several for an array.
fn values(name: &str, value: &DeValue<'_>) -> Result<Vec<String>, (String, String)> {
    let one = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| number.to_string(), |number| number.to_string())),
        DeValue::Boolean(truth) => Ok(truth.to_string()),
        other => {
            let message = format!("{name} is a {}", other.type_str());
            Err((message, "write a string, a number, true or false, or an array of those".into()))
        }
    };
    match value {
        DeValue::Array(values) => values.iter().map(|value| one(value.get_ref())).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// A value that the command line would refuse is refused here, where the file can be named.
fn check(argument: &Arg, name: &str, values: &[String]) -> Result<(), (String, String)> {
    let switch = !argument.get_action().takes_values();
    let alone = Arg::new("value").value_parser(argument.get_value_parser().clone());
    let probe = Command::new("probe").no_binary_name(true).arg(alone.num_args(0..).last(true));
    let given = std::iter::once("--").chain(values.iter().map(String::as_str));
    let several = matches!(argument.get_action(), ArgAction::Append);
    if values.len() != 1 && !several {
        return Err((format!("{name} takes one value"), "write one value, without brackets".into()));
    }
    let parsed = probe.try_get_matches_from(given);
    parsed.map(drop).map_err(|error| {
        let hint =
            if switch { "write true or false".to_owned() } else { format!("see --{name} in pgnudge --help") };
        (format!("invalid value for {name}: {}", usage::expected(&error)), hint)
    })
}

fn unknown(name: &str, known: &[Arg]) -> (String, String) {
    let known: Vec<_> = known.iter().filter_map(key).collect();
    let hint = nearest(name, &known)
        .map_or("the names are those of the flags: see pgnudge --help".into(), |key| {
            format!("did you mean {key}?")
        });
    (format!("there is no setting {name:?}"), hint)
}

/// The option that was meant, perhaps.
pub(crate) fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    let distance = |key: &&String| strsim::osa_distance(name, key);
    known.iter().min_by_key(distance).filter(|key| distance(key) * 3 <= key.len().max(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command as Chosen, WatchArguments};
    use clap::{CommandFactory, FromArgMatches};

    /// The words of the command line, and those of the file.
    fn with(file: &str, given: &[&str]) -> Vec<OsString> {
        let command = Arguments::command();
        let settings = settings(&command, file).unwrap();
        with_settings(&command, &settings, given.iter().map(OsString::from).collect())
    }

    fn watch(file: &str, flags: &[&str]) -> (u8, Box<WatchArguments>) {
        let given = [&["pgnudge", "watch"], flags].concat();
        let matches = Arguments::command().try_get_matches_from(with(file, &given)).unwrap();
        let Arguments { verbose, command: Chosen::Watch(watch), .. } =
            Arguments::from_arg_matches(&matches).unwrap()
        else {
            panic!("another command")
        };
        (verbose, watch)
    }

    #[test]
    fn a_file_says_what_flags_say_and_flags_win() {
        let file =
            "dsn = 'host=a'\ntable = ['public.a', 'public.b']\nonce = true\nuntil-idle = '5s'\nverbose = 2\n";
        let (verbose, arguments) = watch(file, &[]);
        assert_eq!((verbose, arguments.feed.connection(), arguments.once), (2, "host=a", true));
        assert_eq!(arguments.feed.tables().collect::<Vec<_>>(), ["public.a", "public.b"]);
        assert_eq!(arguments.until_idle, Some(std::time::Duration::from_secs(5)));
        let (verbose, arguments) = watch(file, &["host=b", "-t", "s.t", "--until-idle=1s", "-v"]);
        assert_eq!((verbose, arguments.feed.connection()), (1, "host=b"));
        assert_eq!(arguments.feed.tables().collect::<Vec<_>>(), ["s.t"]);
        assert_eq!(arguments.until_idle, Some(std::time::Duration::from_secs(1)));
    }

    #[test]
    fn a_mistake_is_named_with_its_remedy() {
        let check = |file, cause: &str, remedy: &str| {
            let Mistake { message, hint, .. } = settings(&Arguments::command(), file).unwrap_err();
            assert!(message.contains(cause) && hint.contains(remedy), "{message} / {hint}");
        };
        check("debonce = '1s'", "no setting \"debonce\"", "did you mean debounce?");
        check("xyzzy = 1", "no setting \"xyzzy\"", "--help");
        check("config = 'x'", "no setting \"config\"", "");
        check("debounce = 'soon'", "invalid value for debounce: write 50ms", "--debounce");
        check("once = 'perhaps'", "invalid value for once: ", "true or false");
        check("debounce = ['1s', '2s']", "one value", "brackets");
        check("debounce = 1.5", "debounce is a float", "a string");
        check("debounce = ", "TOML", "toml.io");
        check("[watch]\nonce = true", "no setting \"watch\"", "");
    }

    #[test]
    fn a_mistake_is_at_a_line_and_a_column() {
        let check = |file: &str, line, column| {
            let mistake = settings(&Arguments::command(), file).unwrap_err();
            assert_eq!(mistake.line, Some(Place { line, column }), "{file:?}: {}", mistake.message);
        };
        check("once = true\ndebonce = '1s'", 2, 1);
        check("# ü\ndebounce = 'soon'", 2, 12);
        check("\n\ndebounce = 1.5", 3, 12);
        check("once = true\n\n  dsn = host", 3, 9);
    }

    /// Each character of a file with a secret in it in turn is left out, or another put before it.
    #[test]
    fn a_mistake_repeats_no_value() {
        let file = "http-token = \"hunter2\"\ndsn = 'postgres://u:hunter2@h/d'\ndebounce = \"hunter2\"\n\
                    table = [\"hunter2\", 1.5]\nhttp-max-subscribers = \"hunter2\"\nonce = \"hunter2\"\n";
        let mut mistakes = 0;
        for at in 0..file.len() {
            let (before, after) = file.split_at(at);
            let cut = format!("{before}{}", &after[1..]);
            let grown = "'\"=[]{}#\n\\.,\u{1}é".chars().map(|c| format!("{before}{c}{after}"));
            for text in grown.chain([cut]) {
                let Err(mistake) = settings(&Arguments::command(), &text) else { continue };
                mistakes += 1;
                let shown = format!("{mistake:?}");
                assert!(!["hunter", "unter2"].iter().any(|part| shown.contains(part)), "{shown}\n{text}");
            }
        }
        assert!(mistakes > 1_000, "{mistakes}");
    }

    /// What a file says counts wherever one option needs another, or excludes it.
    #[test]
    fn a_file_counts_as_flags_do() {
        let file = "http = '127.0.0.1:0'\nnotify = 'nudge'\nformat = 'json'\nha = true\nha-name = 'one'\n";
        let read = |file: &str, given: &[&str]| Arguments::command().try_get_matches_from(with(file, given));
        assert!(read(file, &["pgnudge", "bridge"]).is_ok());
        for (file, given) in [
            ("", &["pgnudge", "bridge"][..]),
            ("format = 'json'\nhttp = '127.0.0.1:0'\n", &["pgnudge", "bridge"]),
            ("exec-retry = true\n", &["pgnudge", "watch"]),
            ("output = 'json'\n", &["pgnudge", "watch", "--exec", "true"]),
            ("http-token = 'a'\n", &["pgnudge", "bridge", "--http=1", "--http-token-file=b"]),
        ] {
            let flags = with(file, given);
            assert!(read(file, given).is_err(), "{flags:?}");
        }
        // Another command's settings are not this one's.
        assert!(read(file, &["pgnudge", "watch", "host=a"]).is_ok());
        assert!(read("dsn = 'host=a'\n", &["pgnudge", "watch", "--", "host=b"]).is_ok());
    }

    #[test]
    fn the_help_shows_nothing_of_the_file() {
        let file = "http-token = 'hunter2'\ndsn = 'password=hunter2'\nhttp-host = ['hunter2']\n";
        let given = with(file, &["pgnudge", "bridge", "--help"]);
        let help = Arguments::command().try_get_matches_from(given).unwrap_err().to_string();
        assert!(help.contains("--http-token") && !help.contains("hunter2"), "{help}");
    }

    #[test]
    fn the_file_is_found_wherever_it_is_named() {
        let check = |given: &[&str], expect: Option<&str>| {
            let given: Vec<_> = std::iter::once(&"pgnudge").chain(given).map(OsString::from).collect();
            assert_eq!(file_named_in(&given), expect.map(PathBuf::from), "{given:?}");
        };
        check(&["watch", "--config", "a.toml"], Some("a.toml"));
        check(&["--config=a.toml", "watch"], Some("a.toml"));
        check(&["watch", "--", "--config=a.toml"], None);
        check(&["watch", "--config"], None);
    }
}
