//! What a running process has used so far, as Linux tells it under `/proc`.
//!
//! `schedstat` has the time on a processor in nanoseconds; `stat` would have it in ticks of 10 ms, which is
//! more than some clients need in a second.

use std::fs;
use std::ops::Sub;
use std::path::Path;

use crate::failure::Failure;

/// Of all threads that the process has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds on a processor.
    pub(crate) cpu: f64,
    /// How often it waited for something.
    pub(crate) waits: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Result<Self, Failure> {
        let mut usage = Self::default();
        let gone = |error| Failure::new(format!("process {pid}: {error}"));
        for thread in fs::read_dir(format!("/proc/{pid}/task")).map_err(gone)? {
            let thread = thread?.path();
            usage.cpu += nanoseconds(&thread)? / 1e9;
            usage.waits += waits(&thread)?;
        }
        Ok(usage)
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { cpu: self.cpu - earlier.cpu, waits: self.waits.saturating_sub(earlier.waits) }
    }
}

fn nanoseconds(thread: &Path) -> Result<f64, Failure> {
    let text = fs::read_to_string(thread.join("schedstat"))?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn waits(thread: &Path) -> Result<u64, Failure> {
    let text = fs::read_to_string(thread.join("status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Ok(line.unwrap_or_default().trim().parse()?)
}
