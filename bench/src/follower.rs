//! A client of a real server that follows what is written until it is killed.
//!
//! It prints `ready` when it will see everything from now on, and a feed prints what it has counted when that is
//! as much as was announced; one that counts more fails. Whoever started it measures it from outside.

mod feed;
mod floor;

use std::time::Duration;

use clap::ValueEnum;
use pgnudge::Plugin;

use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    kind: Kind,
    #[arg(long)]
    port: u16,
    #[arg(long)]
    database: String,
    #[arg(long, value_parser = crate::client::plugin)]
    plugin: Plugin,
    /// Of a feed, in milliseconds
    #[arg(long, default_value_t = 50)]
    debounce: u64,
    /// Changes that a feed will see
    #[arg(long)]
    changes: u64,
}

/// What a follower does with the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Reads as soon as there is something, and throws it away
    Eager,
    /// Sleeps 10 ms between two reads
    Napping,
    /// A feed that counts
    Feed,
    /// A feed whose items nobody takes
    Stalled,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.kind {
        Kind::Eager => floor::follow(arguments, Duration::ZERO),
        Kind::Napping => floor::follow(arguments, Duration::from_millis(10)),
        Kind::Feed => crate::runtime()?.block_on(feed::count(arguments)),
        Kind::Stalled => crate::runtime()?.block_on(feed::stall(arguments)),
    }
}
