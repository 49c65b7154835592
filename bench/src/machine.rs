//! What figures were measured on: without it they say nothing.

use std::fs;
use std::thread::available_parallelism;

use serde::Serialize;

/// The machine, as far as Linux tells it.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    processor: Option<String>,
    cores: Option<usize>,
    kernel: Option<String>,
    /// How busy it was before the benchmark began: the load of the last minute.
    load: Option<String>,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let read = |file| fs::read_to_string(file).ok();
        let model = |text: String| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(": ")?.1.to_owned())
        };
        Self {
            processor: read("/proc/cpuinfo").and_then(model),
            cores: available_parallelism().ok().map(usize::from),
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            load: read("/proc/loadavg").and_then(|text| Some(text.split(' ').next()?.to_owned())),
        }
    }
}
