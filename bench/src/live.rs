//! `live`: what a feed does on a real server, beside other ways to learn of a change.
//!
//! Each part is a module with a table of its own. All of them work on one throwaway server; whoever is
//! measured is alone on it, with a writer. Processes are measured from outside, by what the kernel says of
//! them ([`usage`]), so that the walsender is measured like its client.

mod backlog;
mod consumer;
mod ground;
mod idle;
mod latency;
mod memory;
mod options;
mod reader;
mod reconnect;
mod recvlogical;
mod socket;
mod steady;
mod usage;
mod writer;

use std::path::PathBuf;

use clap::ValueEnum;
use pgnudge::Plugin;
use serde::Serialize;

use crate::failure::Failure;
use crate::machine::Machine;
use crate::report;
use ground::Ground;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this part; may be repeated
    #[arg(long)]
    only: Vec<Part>,
    /// How often each is measured; they take turns
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long one measurement writes, where that can be chosen
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Only with this plugin; without, with each that the server has
    #[arg(long, value_parser = crate::client::plugin)]
    plugin: Option<Plugin>,
    /// Also what takes gigabytes of memory: rows of 1 GB
    #[arg(long)]
    thorough: bool,
    /// The directory of the server's programs
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

/// One table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From COMMIT to the item
    Latency,
    /// CPU of the clients and of their walsenders at a steady pace
    Steady,
    /// The same, and time, for who catches up
    Backlog,
    /// A feed on an idle server
    Idle,
    /// Against the size of a row, and with a consumer that takes nothing
    Memory,
    /// From the end of the walsender to the Resync
    Reconnect,
    /// The walsender's CPU and bytes against the options of the plugin
    Options,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    crate::runtime()?.block_on(async {
        let machine = Machine::here();
        let ground = Ground::prepare(arguments.bin_dir.as_ref()).await?;
        println!("PostgreSQL {}", ground.version());
        for part in Part::value_variants() {
            if arguments.only.is_empty() || arguments.only.contains(part) {
                part.run(&ground, arguments, &machine).await?;
            }
        }
        Ok(())
    })
}

impl Part {
    async fn run(self, ground: &Ground, arguments: &Arguments, machine: &Machine) -> Result<(), Failure> {
        let write = Writing { machine, server: ground.version(), arguments };
        match self {
            Self::Latency => write.json("latency", latency::run(ground, arguments).await?),
            Self::Steady => write.json("steady", steady::run(ground, arguments).await?),
            Self::Backlog => write.json("backlog", backlog::run(ground, arguments).await?),
            Self::Idle => write.json("idle", idle::run(ground, arguments).await?),
            Self::Memory => write.json("memory", memory::run(ground, arguments).await?),
            Self::Reconnect => write.json("reconnect", reconnect::run(ground, arguments).await?),
            Self::Options => write.json("options", options::run(ground, arguments).await?),
        }
    }
}

/// What goes into each file beside the figures.
#[derive(Clone, Copy)]
struct Writing<'a> {
    machine: &'a Machine,
    server: &'a str,
    arguments: &'a Arguments,
}

#[derive(Serialize)]
struct Document<'a, T> {
    machine: &'a Machine,
    server: &'a str,
    rounds: usize,
    seconds: u32,
    figures: Vec<T>,
}

impl Writing<'_> {
    fn json<T: Serialize>(self, part: &str, figures: Vec<T>) -> Result<(), Failure> {
        let Self { machine, server, arguments: &Arguments { rounds, seconds, .. } } = self;
        report::write_json(&format!("live-{part}"), &Document { machine, server, rounds, seconds, figures })
    }
}
