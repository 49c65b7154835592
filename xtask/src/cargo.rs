//! Runs cargo, the one that runs us, in the workspace's root.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// A cargo command with the words of `line` as its arguments.
///
/// What the outer cargo has set about our own package is taken away: build scripts that watch
/// those variables would run anew each time `cargo xtask` and `cargo` take turns.
pub(crate) fn cargo(line: &str) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.args(line.split_whitespace()).current_dir(root());
    command
}

/// Shows a command, runs it, and fails as it fails.
///
/// # Errors
/// When it cannot be started, or ends with another status than 0: then it has said why.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    show(command);
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::Shown) }
}

/// Shows the line that a person would type.
pub(crate) fn show(command: &Command) {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let arguments: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    eprintln!("\n$ {} {}", program.to_string_lossy(), arguments.join(" "));
}

/// The failure of a program that could not even be started.
pub(crate) fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    let program = Path::new(command.get_program());
    Failure::Task(format!("{} could not be started: {error}", program.display()))
}

/// A program that this workspace has built: cargo puts it beside ours.
///
/// # Errors
/// When it is not there.
pub(crate) fn built(name: &str) -> Result<PathBuf, Failure> {
    program_in(&our_directory()?, name)
}

/// The same, of a build for release: its directory is beside ours.
///
/// # Errors
/// When it is not there.
pub(crate) fn built_for_release(name: &str) -> Result<PathBuf, Failure> {
    program_in(&in_target("release")?, name)
}

/// A directory of that name in cargo's target directory.
///
/// # Errors
/// When the system does not say where our program is.
pub(crate) fn in_target(name: &str) -> Result<PathBuf, Failure> {
    Ok(our_directory()?.with_file_name(name))
}

fn our_directory() -> Result<PathBuf, Failure> {
    let mut ours = std::env::current_exe().map_err(|error| Failure::Task(format!("where am I? {error}")))?;
    ours.pop();
    Ok(ours)
}

/// A program in that directory.
///
/// # Errors
/// When it is not there.
pub(crate) fn program_in(directory: &Path, name: &str) -> Result<PathBuf, Failure> {
    let program = directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        Ok(program)
    } else {
        Err(Failure::Task(format!("{} was not built", program.display())))
    }
}
