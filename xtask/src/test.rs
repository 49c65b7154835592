//! `cargo xtask test`: every test of the workspace, and the live suite on a real server.
//!
//! One build and one `cargo test` for all packages: selected one by one, their shared
//! dependencies would be compiled again for each selection of features. What the run prints
//! is passed on as it comes and read on the way (`transcript`), for the summary at the end.

mod transcript;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};
use std::time::Instant;

use crate::arguments::Arguments;
use crate::cargo::{self, cargo};
use crate::command::Command;
use crate::failure::Failure;
use crate::setup::{self, Purpose};
use transcript::Transcript;

pub(crate) const COMMAND: Command = Command {
    name: "test",
    about: "runs every test, the live suite on a real server among them",
    arguments: "[--bin-dir DIR] [-- FILTER…]",
    details: "  --bin-dir DIR  take PostgreSQL's server programs from there
  FILTER         run the live suite alone, and of it the tests whose names contain this;
                 the harness takes its own flags here too, such as --exact

It fails when a test fails, and when no live test has run. The last line counts them.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let mut arguments = Arguments::new(words);
    let bin_dir = arguments.bin_dir()?;
    let filters = arguments.rest()?;
    setup::ensure(Purpose::Servers, bin_dir.as_slice())?;
    // Built apart from the run: here cargo can show its progress, and the live suite finds the
    // program that it spawns.
    let everything = filters.is_empty();
    let targets = if everything { "--lib --bins --tests --examples" } else { "--bins --test live" };
    cargo::run(&mut cargo(&format!("build --workspace {targets}")))?;
    let mut test = cargo("test --workspace --no-fail-fast");
    if !everything {
        test.args(["--test", "live", "--"]).args(filters);
    }
    test.env("PGNUDGE_BIN", cargo::built("pgnudge")?).env("CARGO_TERM_COLOR", "never");
    if let Some(dir) = bin_dir {
        test.env("PGNUDGE_PG_BIN", dir);
    }
    let (transcript, succeeded) = follow(&mut test)?;
    println!("\n{}", transcript.summary(succeeded));
    if succeeded && transcript.complaint().is_none() { Ok(()) } else { Err(Failure::Shown) }
}

/// Runs it, passes its output on, and returns what was read in it and whether it succeeded.
fn follow(command: &mut Process) -> Result<(Transcript, bool), Failure> {
    cargo::show(command);
    let failed = |error: std::io::Error| cargo::not_started(command, &error);
    // One pipe for both: cargo names a suite on the one stream, the suite reports on the other.
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    let both = writer.try_clone().map_err(failed)?;
    command.stdin(Stdio::null()).stdout(writer).stderr(both);
    let mut child = command.spawn().map_err(|error| cargo::not_started(command, &error))?;
    // The command keeps its ends of the pipe, and the pipe would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut transcript = Transcript::new(Instant::now());
    for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        // Nobody may be watching; the tests go on.
        let _ = std::io::stdout().write_all(&line).and_then(|()| std::io::stdout().write_all(b"\n"));
        transcript.read(&String::from_utf8_lossy(&line), Instant::now());
    }
    let status = child.wait().map_err(|error| cargo::not_started(command, &error))?;
    Ok((transcript, status.success()))
}
