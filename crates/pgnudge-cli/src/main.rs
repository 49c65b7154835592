//! `pgnudge`: which tables change in PostgreSQL, on the command line.
//!
//! Data goes to stdout and nothing else does; logs and errors go to stderr. Exit status: 0 after SIGINT,
//! SIGTERM or when stdout is closed, 1 after an error, 2 for a command line or a configuration that is
//! wrong, 3 when the last command of `--exec` failed.

#![forbid(unsafe_code)]

mod arguments;
mod bridge;
mod completions;
mod configuration;
mod doctor;
mod environment;
mod failure;
mod healthcheck;
mod item_text;
mod json;
mod logging;
mod screen;
mod service;
mod shutdown;
mod usage;
mod watch;

use std::io;
use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::CommandFactory;
use failure::Failure;
use screen::Screen;
use tokio::runtime::{Builder, Runtime};
use tracing::level_filters::LevelFilter;

fn main() -> ExitCode {
    match Arguments::parse_process().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(Arguments { verbose, log_format, command, .. }: Arguments) -> Result<(), Failure> {
    let screen = match &command {
        Command::Watch(watch) if watch.summary => Screen::of_terminal(),
        _ => None,
    };
    // What stops a feed is in the doctor's report.
    let least = if let Command::Doctor(_) = &command { LevelFilter::OFF } else { LevelFilter::WARN };
    let _log = logging::start(least, verbose, log_format, screen.clone());
    environment::warn_of_strangers(&Arguments::command());
    match command {
        Command::Watch(arguments) => drive(one_worker()?, watch::run(&arguments, screen)),
        Command::Bridge(arguments) => drive(all_workers()?, bridge::run(*arguments)),
        Command::Doctor(arguments) => drive(one_worker()?, doctor::run(&arguments)),
        Command::Healthcheck(arguments) => drive(one_worker()?, healthcheck::run(&arguments)),
        Command::Completions { shell } => completions::print(shell),
        Command::Man { page } => completions::print_page(page.as_deref()),
    }
}

/// Runs a command to its end, and waits for nothing else: a thread may hang in a name server or in a file.
fn drive(runtime: Runtime, command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    result
}

/// One worker for the feed: printing may block this thread, and the reader must not wait for it.
fn one_worker() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

fn all_workers() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}
