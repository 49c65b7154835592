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
    arguments: "[CLAIM…] [--bin-dir DIR | --image IMAGE | --dsn URI]… …, or consistency [--minutes N] …",
    details: "  CLAIM          a claim to prove; without any, all of them
  --bin-dir DIR  prove it on a throwaway server made of the programs there; may be repeated
  --image IMAGE  prove it in a container; may be repeated
  --dsn URI      prove what harms nobody on a server that is in use; may be repeated
  --thorough     the long forms; --minutes N: for how long, where a claim is about time
  --list         name the claims

Every argument goes to the program `proof` of tests/live, which knows the others. The report is in
target/proof; docs/proof.md tells how to read it.

`proof consistency` plays random work and random faults against a copy that a consumer keeps:
  --minutes N    how long, with each plugin (1)
  --seed S       play that round, and the next ones
  --scenario S   only rounds of this scenario; may be repeated
  --plugin P     with test_decoding or wal2json alone
  --jobs N       so many rounds side by side, each on other servers
  --keep-going   count the stale copies, and do not end with the first
  --bin-dir DIR  as above",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let mut arguments = Arguments::new(words);
    let servers = arguments.bin_dirs()?;
    // Somebody else's server, and a container, need no programs here.
    let elsewhere = [arguments.values("--dsn")?, arguments.values("--image")?].concat();
    if elsewhere.is_empty() || !servers.is_empty() {
        setup::ensure(Purpose::Servers, &servers)?;
    }
    let (program, words) = match words {
        [first, rest @ ..] if first == "consistency" => ("consistency", rest),
        _ => ("proof", words),
    };
    cargo::run(demo::live_program(program)?.args(words))
}
