//! Plays rounds, one after another.

use std::time::SystemTime;

use pgnudge::PluginChoice;
use pgnudge_testkit::{Cluster, ClusterBuilder, Server};

use crate::Failure;
use crate::consistency::plan::Plan;
use crate::consistency::report::Report;
use crate::consistency::timeline::Recorder;
use crate::consistency::{Leak, round};

/// What to play, and with what.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Of the first round; each later one has the next number.
    pub seed: u64,
    /// With which plugin.
    pub plugin: PluginChoice,
    /// The planted fault.
    pub leak: Leak,
    /// Whether nothing is broken: then a Resync heals nothing.
    pub calm: bool,
}

impl Assignment {
    /// As it ought to be: with faults, and nothing planted.
    #[must_use]
    pub fn new(seed: u64, plugin: PluginChoice) -> Self {
        Self { seed, plugin, leak: Leak::none(), calm: false }
    }
}

/// A cluster that notices soon who is gone. It has to be the run's own: it is restarted.
#[must_use]
pub fn cluster() -> ClusterBuilder {
    Cluster::builder().line("wal_sender_timeout = '2s'").line("deadlock_timeout = '50ms'")
}

/// A seed that was not played before. It is short, so that it is easily typed again.
#[must_use]
pub fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_micros()) * 1000
}

/// Plays rounds while `go_on` says so, which is told what was seen so far. It ends with the first
/// copy that is stale.
///
/// # Errors
/// When something else than the product fails, or a feed cannot be had.
pub async fn run(
    server: &Server,
    assignment: &Assignment,
    mut go_on: impl FnMut(&Report) -> bool,
) -> Result<Report, Failure> {
    let mut report = Report { seed: assignment.seed, ..Report::default() };
    let recorder = Recorder::new();
    while report.stale.is_none() && go_on(&report) {
        let seed = assignment.seed.wrapping_add(report.rounds);
        let plan = if assignment.calm { Plan::of(seed).calm() } else { Plan::of(seed) };
        let played = round::play(server, &plan, assignment, recorder.of_round(seed)).await?;
        report.add(played, recorder.take());
    }
    Ok(report)
}
