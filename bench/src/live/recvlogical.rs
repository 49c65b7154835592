//! PostgreSQL's own client of logical decoding, with a slot of its own, for it cannot make a temporary one.

use std::process::Stdio;

use pgnudge::Plugin;
use tokio::process::{Child, Command};

use super::ground::Ground;
use crate::failure::Failure;

/// Makes the slot.
pub(crate) async fn create_slot(ground: &Ground, plugin: Plugin) -> Result<(), Failure> {
    let name = plugin.name();
    ground.query(&format!("SELECT pg_create_logical_replication_slot('{SLOT}', '{name}')")).await?;
    Ok(())
}

/// Starts the program on that slot. What it writes to standard output is the stream.
pub(crate) fn start(
    ground: &Ground,
    options: &[(String, String)],
    file: &str,
    stdout: Stdio,
) -> Result<Child, Failure> {
    let port = ground.port()?.to_string();
    let mut command = Command::new(ground.program("pg_recvlogical")?);
    command.args(["--start", "--slot", SLOT, "--file", file, "--username=nudger", "--host=127.0.0.1"]);
    command.args(["--port", &port, "--dbname", ground.database()]);
    for (name, value) in options {
        command.arg(format!("--option={name}={value}"));
    }
    Ok(command.stdout(stdout).kill_on_drop(true).spawn()?)
}

/// Ends the program and drops the slot.
pub(crate) async fn stop(ground: &Ground, mut program: Child) -> Result<(), Failure> {
    program.kill().await?;
    ground.alone().await?;
    ground.query(&format!("SELECT pg_drop_replication_slot('{SLOT}')")).await?;
    Ok(())
}

pub(crate) const SLOT: &str = "bench";
