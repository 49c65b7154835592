//! Runs other programs to their end and reports their failures with their own words.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;

/// A command in an environment in which no setting of the caller's reaches PostgreSQL:
/// no `PG*` variable, messages in English, and a working directory that every user may enter.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns what it printed on its standard output.
///
/// # Errors
/// When it cannot be started or ends with another status than 0: its standard error.
pub(crate) fn output_of(command: &mut Command) -> Result<String, Error> {
    let output = command
        .output()
        .map_err(|error| Error::new(format!("{} could not be run: {error}", name_of(command))))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let cause = format!("{} failed ({}): {}", name_of(command), output.status, words.trim());
        return Err(Error::new(cause));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn name_of(command: &Command) -> String {
    Path::new(command.get_program()).display().to_string()
}

/// The first executable of that name in these directories.
pub(crate) fn first_in(directories: &[PathBuf], name: &str) -> Option<PathBuf> {
    directories.iter().map(|dir| dir.join(name)).find(|file| is_executable(file))
}

/// Whether it is a file that somebody may execute.
pub(crate) fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
