//! SQL for callers without a client library: the installed psql, over the unix socket.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::cluster::Cluster;
use crate::error::Error;
use crate::program;

/// Runs a script as the superuser and returns the rows it printed: one line each, columns
/// separated by `|`, nothing else.
///
/// The script goes in on standard input, where each statement is a transaction of its own
/// (`-c` would make one of all of them, and `CREATE DATABASE` refuses that).
pub(crate) fn run(cluster: &Cluster, database: &str, sql: &str) -> Result<String, Error> {
    let mut command = program::command(cluster.installation().psql()?);
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database]);
    command.arg("-h").arg(cluster.socket_dir()).arg("-p").arg(cluster.port().to_string());
    let output = fed(&mut command, sql).map_err(|error| Error::new(format!("psql: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(Error::new(format!("psql: {}", String::from_utf8_lossy(&output.stderr).trim())))
    }
}

fn fed(command: &mut Command, input: &str) -> std::io::Result<std::process::Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A psql that stops at an error closes the pipe; its status and words tell why.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}
