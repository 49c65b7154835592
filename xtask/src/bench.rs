//! `cargo xtask bench`: what it costs, beside the alternatives.

use std::process::Command as Process;

use crate::arguments::Arguments;
use crate::cargo::{self, cargo};
use crate::command::Command;
use crate::failure::Failure;
use crate::setup::{self, Purpose};

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    about: "measures what pgnudge costs, beside the alternatives",
    arguments: "replay [--only STREAM] [--rounds N] [--bin-dir DIR] | instructions [--only STREAM] | feeds [--feeds N] …",
    details: "  replay         scripted streams, as fast as the socket takes them: CPU per million changes
  instructions   instructions per change, compared with the budgets in bench/src/instructions.rs
  feeds          idle feeds of one process: memory, CPU and wakeups
  --only STREAM  only the streams whose name holds this
  --rounds N     how often each client reads each stream; they take turns (default 5)
  --bin-dir DIR  take PostgreSQL's programs, to compare with, from there

Every argument goes to the program `bench`, which knows the others. It prints tables, and writes the
figures to bench/*.json in cargo's target directory. The figures mean something on a machine that has
nothing else to do; instructions do on any.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    if words.is_empty() {
        return Err(Failure::Usage(format!("which benchmark?\n\n{}", COMMAND.help())));
    }
    let programs = Arguments::new(words).bin_dirs()?;
    if words.first().is_some_and(|word| word == "instructions") {
        setup::ensure(Purpose::Instructions, &programs)?;
        if !setup::has_valgrind() {
            return Ok(()); // It has been said.
        }
    } else {
        setup::ensure(Purpose::Build, &programs)?;
    }
    cargo::run(&mut cargo("build --release --package pgnudge-bench"))?;
    cargo::run(Process::new(cargo::built_for_release("bench")?).args(words))
}
