//! `pgnudge`: which tables change in PostgreSQL, on the command line.
//!
//! Data goes to stdout and nothing else does; logs and errors go to stderr. Exit status: 0 after SIGINT,
//! SIGTERM or when stdout is closed, 1 after an error, 2 for a command line that is wrong.

#![forbid(unsafe_code)]

mod arguments;
mod bridge;
mod failure;
mod item_json;
mod item_text;
mod logging;
mod shutdown;
mod watch;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    match Arguments::parse_process().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(Arguments { verbose, command }: Arguments) -> Result<(), Failure> {
    logging::start(verbose);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Command::Watch(_) = command {
        // One worker for the feed: printing may block this thread, and the reader must not wait for it.
        runtime.worker_threads(1);
    }
    let runtime = runtime.enable_all().build()?;
    match command {
        Command::Watch(arguments) => runtime.block_on(watch::run(*arguments)),
        Command::Bridge(arguments) => runtime.block_on(bridge::run(*arguments)),
    }
}
