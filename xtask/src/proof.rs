//! `cargo xtask proof`: the claims of the project, proven one by one on real servers.

use crate::arguments::Arguments;
use crate::cargo;
use crate::command::Command;
use crate::demo;
use crate::failure::Failure;
use crate::setup::{self, Purpose};

pub(crate) const COMMAND: Command = Command {
    name: "proof",
    about: "proves the claims, or those that are named, on real servers",
    arguments: "[CLAIM…] [--bin-dir DIR]… [--list] …, or consistency [--minutes N] …",
    details: "  CLAIM          a claim to prove; without any, all of them
  --bin-dir DIR  prove it on the server whose programs are there; may be repeated
  --list         name the claims

Every argument goes to the program `proof` of tests/live, which knows the others.

`proof consistency` plays random work and random faults against a copy that a consumer keeps:
  --minutes N    how long, with each plugin (1)
  --seed S       play that round, and the next ones
  --plugin P     with test_decoding or wal2json alone
  --bin-dir DIR  as above",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let servers = Arguments::new(words).bin_dirs()?;
    setup::ensure(Purpose::Servers, &servers)?;
    let (program, words) = match words {
        [first, rest @ ..] if first == "consistency" => ("consistency", rest),
        _ => ("proof", words),
    };
    cargo::run(demo::live_program(program)?.args(words))
}
