//! The program under test, built.

use std::path::Path;
use std::process::Command;

use crate::Failure;

/// Builds `pgnudge` beside this program, unless `PGNUDGE_BIN` names one.
///
/// Cargo builds what a package depends on, and nobody depends on a program: without this, a run
/// through cargo would test whatever was built last. Where cargo does not run us, it does nothing.
///
/// # Errors
/// When it does not build: cargo has said why.
pub fn build() -> Result<(), Failure> {
    if std::env::var_os("PGNUDGE_BIN").is_some() {
        Ok(())
    } else {
        cargo_build(&["--package", "pgnudge-cli"])
    }
}

/// Builds that, in the profile of this program. Where cargo does not run us, it does nothing.
pub(crate) fn cargo_build(what: &[&str]) -> Result<(), Failure> {
    let Some(cargo) = std::env::var_os("CARGO") else { return Ok(()) };
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet"]).args(what);
    if is_release(&std::env::current_exe()?) {
        build.arg("--release");
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    let failed = || Failure::new(format!("cargo build {} has failed ({status})", what.join(" ")));
    if status.success() { Ok(()) } else { Err(failed()) }
}

/// Whether that program is in `target/release`, or below.
fn is_release(program: &Path) -> bool {
    program.components().any(|part| part.as_os_str() == "release")
}

/// The commit that this was built from, with a `+` where it was changed since; as git tells it.
#[must_use]
pub fn revision() -> String {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty=+"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = git.output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|| "unknown".to_owned())
}
