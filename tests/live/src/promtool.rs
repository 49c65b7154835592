//! promtool, Prometheus' own judge of metrics and rules.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;
use crate::evidence::ensure;

/// Why there is none here, if there is none.
pub(crate) fn missing() -> Option<String> {
    (!Path::new(PROGRAM).is_file())
        .then(|| format!("there is no {PROGRAM}: apt-get install --no-install-recommends prometheus"))
}

/// Runs it in the directory of the rules with this on its standard input. It has to find no fault.
pub(crate) fn approves(arguments: &[&str], input: &str) -> Result<(), Failure> {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contrib");
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(rules).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let ended = child.wait_with_output()?;
    let words = [ended.stdout, ended.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    ensure!(ended.status.success(), "promtool {arguments:?}: {words}");
    Ok(())
}

/// Where Debian has it.
const PROGRAM: &str = "/usr/bin/promtool";
