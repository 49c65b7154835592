//! What pgnudge costs, measured beside the alternatives: `cargo xtask bench`.
//!
//! One program is everything: the measuring side, and each of the clients that are measured. Every
//! client runs as a process of its own, started through a [`stopwatch`], so that its CPU time and
//! memory are the kernel's figures for that process and nothing else. One subcommand is one
//! benchmark; a new one is a module and a line in [`Command`].

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for the terminal: printing is its job"
)]
#![cfg(unix)]

mod certificate;
mod chart;
mod client;
mod failure;
mod feeds;
mod follower;
mod instructions;
mod live;
mod machine;
mod peer;
mod percentiles;
mod product_options;
mod replay;
mod report;
mod sample;
mod stopwatch;
mod stream;
mod walsender;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

#[derive(Parser)]
#[command(name = "bench", about = "Measures what pgnudge costs, beside the alternatives")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Streams as fast as the socket takes them: CPU per million changes
    Replay(replay::Arguments),
    /// Real servers: latency, and what the clients and their walsenders cost
    Live(live::Arguments),
    /// Instructions per change, compared with budgets
    Instructions(instructions::Arguments),
    /// Many idle feeds in one process: memory, CPU and wakeups
    Feeds(feeds::Arguments),
    /// A client, for the other benchmarks to measure
    #[command(hide = true)]
    Client(client::Arguments),
    /// A process with idle feeds
    #[command(hide = true)]
    Hold(feeds::Holder),
    /// A client of a real server, for the other benchmarks to measure
    #[command(hide = true)]
    Follow(follower::Arguments),
    /// Runs a program and tells what it has cost
    #[command(hide = true)]
    Measure(stopwatch::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Live(arguments) => live::run(&arguments),
        Command::Instructions(arguments) => instructions::run(&arguments),
        Command::Feeds(arguments) => feeds::run(&arguments),
        Command::Hold(arguments) => feeds::hold(&arguments),
        Command::Client(arguments) => client::run(&arguments),
        Command::Follow(arguments) => follower::run(&arguments),
        Command::Measure(arguments) => stopwatch::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// A runtime of one thread.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
