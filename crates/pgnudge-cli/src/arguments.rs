//! What the command line can say. The flags of a feed are the knobs of the library in kebab case.
//!
//! Every option can also come from the environment and from a file: see [`crate::configuration`].

mod feed;
mod secret;
mod size;
mod time;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::bridge::BridgeArguments;
use crate::configuration;
use crate::failure::Failure;
use crate::healthcheck::HealthcheckArguments;

pub(crate) use feed::FeedArguments;
pub(crate) use secret::Secret;
pub(crate) use time::duration;

/// Know now that PostgreSQL data changed
#[derive(Debug, Parser)]
#[command(name = "pgnudge", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Log to stderr: -v the connection's life, -vv each change, -vvv each message
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// How the log is written
    #[arg(long, value_enum, global = true, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// A TOML file with options, by their long names
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell each item: a resync, or the tables that changed
    #[command(after_help = AFTER_HELP)]
    Watch(Box<WatchArguments>),
    /// Check what a feed needs, with a remedy for whatever is missing
    #[command(after_help = AFTER_HELP)]
    Doctor(Box<DoctorArguments>),
    /// Fan one feed out: NOTIFY, Server-Sent Events, metrics, a status page
    #[command(after_help = AFTER_HELP)]
    Bridge(Box<BridgeArguments>),
    /// Ask a bridge on this host how it is: status 0 if it is well, 1 if not
    #[command(after_help = AFTER_HELP)]
    Healthcheck(HealthcheckArguments),
    /// Print the completions of a shell
    Completions {
        /// The shell that they are for
        shell: Shell,
    },
    /// Print a page of the manual, as roff
    Man {
        /// The command that it is about; without one, pgnudge itself
        page: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    pub(crate) feed: FeedArguments,
    /// How items are printed
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// One live line per table, with its rate and its last change
    #[arg(long, conflicts_with_all = ["exec", "output"])]
    pub(crate) summary: bool,
    /// Run a shell command per item in place of printing it, with the item as JSON on its standard input; what
    /// arrives while it runs is merged
    #[arg(long, value_name = "CMD", conflicts_with = "output")]
    pub(crate) exec: Option<String>,
    /// End a command that runs longer, and whatever it has started
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) exec_timeout: Option<Duration>,
    /// Run a command that failed again, with the same item, until it succeeds: after a second, then ever later, up to
    /// a minute
    #[arg(long, requires = "exec")]
    pub(crate) exec_retry: bool,
    /// End after the first item that stands for a change: a batch, or a resync after the one at the start
    #[arg(long)]
    pub(crate) once: bool,
    /// End when the feed is live, nothing has come for this long, and nothing is pending
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) until_idle: Option<Duration>,
    /// End after this long in any case, with status 4
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) feed: FeedArguments,
    /// How the findings are printed
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// JSON, for programs
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

impl Arguments {
    /// Reads the process's arguments, its environment and the configuration file. Help and version are
    /// printed here and end the program.
    pub(crate) fn parse_process() -> Result<Self, Failure> {
        let (command, given) = configuration::apply(Self::command(), std::env::args_os().collect())?;
        let ended = |error: clap::Error| {
            if error.use_stderr() { Failure::usage(&error) } else { error.exit() }
        };
        let matches = command.try_get_matches_from(given).map_err(ended)?;
        Self::from_arg_matches(&matches).map_err(ended)
    }
}

const AFTER_HELP: &str = "Every option can also be given as an environment variable (--until-idle: PGNUDGE_UNTIL_IDLE; \
                          the DSN: PGNUDGE_DSN) or in the file of --config (until-idle = \"5s\"; dsn = \"...\"). Flags win \
                          over the environment, and that over the file.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }
}
