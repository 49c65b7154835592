//! `cargo xtask bench`: what it costs, beside the alternatives.

use std::path::PathBuf;
use std::process::Command as Process;

use crate::arguments::Arguments;
use crate::cargo::{self, cargo};
use crate::command::Command;
use crate::failure::Failure;
use crate::setup::{self, Purpose};

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    about: "measures what pgnudge costs, beside the alternatives",
    arguments: "replay|live|instructions|feeds|micro [--only WHAT] [--rounds N] [--bin-dir DIR] …",
    details: "  replay         scripted streams, as fast as the socket takes them: CPU per million changes
  live           a real server: latency, steady, backlog, idle, memory, reconnect, options
  instructions   instructions per change, compared with the budgets in bench/src/instructions.rs
  feeds          idle feeds of one process (--feeds N): memory, CPU and wakeups
  micro          nanoseconds per change of the parts of the hot path (criterion; takes its arguments)
  --only WHAT    the streams whose name holds this; of live this part
  --rounds N     how often each is measured; they take turns (default: replay 5, live 3)
  --peers        replay: also clients from the registry, which are downloaded and built (bench/peers)
  --seconds N    live: how long one measurement writes (default 10)
  --plugin NAME  live: with this plugin alone
  --thorough     live: memory also with rows of 1 GB
  --bin-dir DIR  take PostgreSQL's programs from there

Every argument goes to the program `bench`, which knows the others. It prints tables, and writes the
figures to bench/*.json in cargo's target directory, those of replay and of most parts of live also as
pictures to bench/*.svg. The figures mean something on a machine that has nothing else to do; instructions
do on any.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let Some((benchmark, rest)) = words.split_first() else {
        return Err(Failure::Usage(format!("which benchmark?\n\n{}", COMMAND.help())));
    };
    let purpose = match benchmark.as_str() {
        "instructions" => Purpose::Instructions,
        "live" => Purpose::Servers,
        _ => Purpose::Build,
    };
    setup::ensure(purpose, &Arguments::new(words).bin_dirs()?)?;
    if purpose == Purpose::Instructions && !setup::has_valgrind() {
        return Ok(()); // It has been said.
    }
    if benchmark == "micro" {
        return cargo::run(cargo("bench --package pgnudge-bench --bench micro --").args(rest));
    }
    cargo::run(&mut cargo("build --release --package pgnudge-bench"))?;
    let mut program = Process::new(cargo::built_for_release("bench")?);
    for word in words {
        program.arg(word);
        if benchmark == "replay" && word == "--peers" {
            program.arg(peers()?);
        }
    }
    cargo::run(&mut program)
}

/// Builds the clients from the registry, of the versions that their lock file names.
fn peers() -> Result<PathBuf, Failure> {
    let target = cargo::in_target("peers")?;
    let line = "build --release --locked --manifest-path bench/peers/Cargo.toml --target-dir";
    cargo::run(cargo(line).arg(&target))?;
    cargo::program_in(&target.join("release"), "peers")
}
