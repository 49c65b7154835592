//! `cargo xtask lint`: everything that is wrong without running a test.

use std::process::{Command as Process, Stdio};

use crate::arguments::Arguments;
use crate::cargo::{self, cargo};
use crate::command::Command;
use crate::failure::Failure;
use crate::setup::{self, Purpose};
use crate::tidy;

pub(crate) const COMMAND: Command = Command {
    name: "lint",
    about: "format, tidy, clippy, documentation, dependencies",
    arguments: "",
    details: "It goes on after a failure, so that one run shows everything.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    Arguments::new(words).none()?;
    setup::ensure(Purpose::Build, &[])?;
    // The quick ones first. Each runs: who has to mend three things wants to see three.
    let results = [
        ("format", cargo::run(&mut cargo("fmt --all --check"))),
        ("tidy", (tidy::COMMAND.run)(&[])),
        ("clippy", cargo::run(&mut cargo("clippy --workspace --all-targets -- -D warnings"))),
        ("documentation", cargo::run(&mut documentation())),
        ("dependencies", dependencies()),
    ];
    let failed: Vec<_> =
        results.iter().filter(|(_, result)| result.is_err()).map(|(name, _)| *name).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Task(format!("failed: {}", failed.join(", ")))) }
}

/// The flags are rustdoc's alone, so that nothing that is compiled already is compiled again.
fn documentation() -> Process {
    let mut doc = cargo("doc --workspace --no-deps");
    doc.env("RUSTDOCFLAGS", "-D warnings");
    doc
}

/// Licences, advisories and banned crates (`deny.toml`). The tool takes minutes to build, so
/// it is used where it is installed.
fn dependencies() -> Result<(), Failure> {
    let version = cargo("deny --version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_ok_and(|status| status.success()) {
        return cargo::run(&mut cargo("deny check"));
    }
    eprintln!("\nnote: dependencies are not checked: cargo-deny is not installed");
    eprintln!("      (cargo install cargo-deny --locked)");
    Ok(())
}
