//! `cargo xtask setup`: finds what the build and the suites need, and installs it where it may.
//!
//! The other commands run it first, so it is silent and quick when nothing is missing. On
//! Debian and Ubuntu as root (a container, a CI machine) it installs what is missing;
//! everywhere else it says what to run, for it is not our machine.

mod apt;
mod missing;
mod platform;

use std::path::PathBuf;

use crate::arguments::Arguments;
use crate::command::Command;
use crate::failure::Failure;

use missing::Missing;
pub(crate) use missing::has_valgrind;
use platform::Platform;

pub(crate) const COMMAND: Command = Command {
    name: "setup",
    about: "finds what the build and the tests need, or tells what to install",
    arguments: "[--bin-dir DIR]…",
    details: "  --bin-dir DIR  look for PostgreSQL's server programs there

On Debian and Ubuntu, as root, it installs what is missing. It says nothing when all is there.
The other commands that need it run it first.",
    run,
};

/// What somebody is about to do, which decides what has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Compile, and no more.
    Build,
    /// Compile, and count instructions.
    Instructions,
    /// Compile, and run servers.
    Servers,
}

fn run(words: &[String]) -> Result<(), Failure> {
    let mut arguments = Arguments::new(words);
    let bin_dirs = arguments.bin_dirs()?;
    arguments.none()?;
    ensure(Purpose::Servers, &bin_dirs)
}

/// Makes sure that everything is there. Without `bin_dirs` any server will do.
///
/// # Errors
/// When something is missing that is needed and cannot be installed: what to run.
pub(crate) fn ensure(purpose: Purpose, bin_dirs: &[PathBuf]) -> Result<(), Failure> {
    let mut missing = missing::look(purpose, bin_dirs);
    let platform = Platform::here();
    if platform == Platform::AptAsRoot && missing.iter().any(Missing::may_be_installed) {
        let installed = apt::install(&missing);
        if missing.iter().any(|item| !item.is_optional()) {
            installed?;
        }
        missing = missing::look(purpose, bin_dirs);
    }
    // A server is there if something can give us one, as long as nobody has asked for another.
    if missing.iter().any(Missing::any_server_would_do) && platform::has_container_engine() {
        missing.retain(|item| !item.any_server_would_do());
    }
    let (optional, needed): (Vec<_>, Vec<_>) = missing.iter().partition(|item| item.is_optional());
    for item in optional {
        eprintln!("\nWARNING: {item}\n         {}\n", platform.advice(&[item]));
    }
    if needed.is_empty() { Ok(()) } else { Err(Failure::Task(refusal(platform, &needed))) }
}

fn refusal(platform: Platform, needed: &[&Missing]) -> String {
    let mut text = "not everything is here that this needs".to_owned();
    for item in needed {
        text.push_str(&format!("\n  - {item}"));
    }
    text.push_str(&format!("\nhint: {}", platform.advice(needed)));
    if needed.iter().any(|item| item.any_server_would_do()) {
        text.push_str(
            "\n      (for the server, a running Docker or Podman will do, or EXTERNAL_POSTGRES_DSN)",
        );
    }
    text
}
