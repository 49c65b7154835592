//! What one process has cost, by the kernel's account of it (`getrusage`).
//!
//! A program is run by a small process that does nothing else: `RUSAGE_CHILDREN` is then that one
//! program. And the peak memory of a process is at least that of the one it was forked from, so that
//! one must not be the benchmark itself, which holds whole streams.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Instant;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// What a process has cost.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Cost {
    /// In its own code, in seconds.
    pub(crate) user: f64,
    /// In the kernel on its behalf, in seconds.
    pub(crate) system: f64,
    /// By the clock on the wall, in seconds.
    pub(crate) wall: f64,
    /// The most memory that was resident, in KiB.
    pub(crate) peak_kib: i64,
    /// How often it waited.
    pub(crate) waits: i64,
}

impl Cost {
    /// Seconds of CPU.
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    fn new(usage: &Usage, started: Instant) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a benchmark")]
        let seconds = |micros: i64| micros as f64 / 1e6;
        Self {
            user: seconds(usage.user_time().num_microseconds()),
            system: seconds(usage.system_time().num_microseconds()),
            wall: started.elapsed().as_secs_f64(),
            peak_kib: usage.max_rss(),
            waits: usage.voluntary_context_switches(),
        }
    }
}

/// Runs the program, and prints its cost as JSON. What it writes to standard output is thrown away.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let started = Instant::now();
    let Some((program, words)) = arguments.words.split_first() else { return Ok(()) };
    let status = std::process::Command::new(program).args(words).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err(Failure::new(format!("{} ended with {status}", program.display())));
    }
    let cost = Cost::new(&getrusage(UsageWho::RUSAGE_CHILDREN)?, started);
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

/// Measures a program from an async context.
pub(crate) async fn measure(words: &[OsString]) -> Result<Cost, Failure> {
    let mut watch = tokio::process::Command::new(std::env::current_exe()?);
    watch.arg("measure").args(words).stdout(Stdio::piped()).kill_on_drop(true);
    let output = watch.spawn()?.wait_with_output().await?;
    if !output.status.success() {
        return Err(Failure::new("a client failed"));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
