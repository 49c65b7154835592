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
    arguments: "[CLAIM…] [--bin-dir DIR]… [--list] …",
    details: "  CLAIM          a claim to prove; without any, all of them
  --bin-dir DIR  prove it on the server whose programs are there; may be repeated
  --list         name the claims

Every argument goes to the program `proof` of tests/live, which knows the others.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let servers = Arguments::new(words).bin_dirs()?;
    setup::ensure(Purpose::Servers, &servers)?;
    cargo::run(demo::live_program("proof")?.args(words))
}
