//! Plays rounds, one after another.

use std::time::SystemTime;

use pgnudge::PluginChoice;

use crate::Failure;
use crate::consistency::plan::Plan;
use crate::consistency::report::Report;
use crate::consistency::timeline::Recorder;
use crate::consistency::{Consumer, Leak, Scenario, Topology, round};

/// What to play, and with what.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Of the first round that may be played.
    pub seed: u64,
    /// Of so many lanes, which share the seeds between them, ...
    pub lanes: u64,
    /// ... it is this one, from 0 on.
    pub lane: u64,
    /// Seeds that mean another scenario are passed over.
    pub scenarios: Vec<Scenario>,
    /// With which plugin.
    pub plugin: PluginChoice,
    /// The planted fault.
    pub leak: Leak,
    /// Who holds the copy.
    pub consumer: Consumer,
    /// Whether nothing is broken: then a Resync heals nothing.
    pub calm: bool,
    /// Whether it goes on when a copy is stale.
    pub persistent: bool,
}

impl Assignment {
    /// As it ought to be: with faults, and nothing planted.
    #[must_use]
    pub fn new(seed: u64, plugin: PluginChoice) -> Self {
        let scenarios = Scenario::ALL.to_vec();
        Self {
            seed,
            lanes: 1,
            lane: 0,
            scenarios,
            plugin,
            leak: Leak::none(),
            consumer: Consumer::default(),
            calm: false,
            persistent: false,
        }
    }

    /// The first seed from this one on that can be played, after so many others that can.
    fn next(&self, from: u64, others: u64, major: u32) -> Result<u64, Failure> {
        let seeds = (0..SEARCH).map(|n| from.wrapping_add(n));
        let found = seeds.filter(|&seed| self.plays(seed, major)).nth(usize::try_from(others)?);
        found.ok_or_else(|| Failure::new("no seed means a scenario that can be played here"))
    }

    fn plays(&self, seed: u64, major: u32) -> bool {
        let scenario = Scenario::of(seed);
        self.scenarios.contains(&scenario) && scenario.least_major() <= major
    }
}

/// A seed that was not played before. It is short, so that it is easily typed again.
#[must_use]
pub fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_micros()) * 1000
}

/// Plays rounds while `go_on` says so, which is told what was seen so far. It ends with the first
/// copy that is stale, unless it is persistent.
///
/// # Errors
/// When something else than the product fails, or a feed cannot be had.
pub async fn run(
    topology: &mut Topology,
    assignment: &Assignment,
    mut go_on: impl FnMut(&Report) -> bool,
) -> Result<Report, Failure> {
    let mut report = Report { seed: assignment.seed, ..Report::default() };
    let (recorder, Assignment { lanes, lane, .. }) = (Recorder::new(), assignment);
    let mut seed = assignment.next(assignment.seed, *lane, topology.server.major())?;
    while go_on(&report) && (report.stale.is_empty() || assignment.persistent) {
        one(topology, assignment, seed, &recorder, &mut report).await?;
        seed = assignment.next(seed, *lanes, topology.server.major())?;
    }
    Ok(report)
}

/// Plays the rounds of these seeds, as far as they mean scenarios of the assignment that can be played here.
///
/// # Errors
/// As [`run`].
pub async fn these(
    topology: &mut Topology,
    assignment: &Assignment,
    seeds: &[u64],
) -> Result<Report, Failure> {
    let (recorder, mut report) = (Recorder::new(), Report::default());
    for &seed in seeds {
        if report.stale.is_empty() && assignment.plays(seed, topology.server.major()) {
            one(topology, assignment, seed, &recorder, &mut report).await?;
        }
    }
    Ok(report)
}

async fn one(
    topology: &mut Topology,
    assignment: &Assignment,
    seed: u64,
    recorder: &Recorder,
    report: &mut Report,
) -> Result<(), Failure> {
    let plan = if assignment.calm { Plan::of(seed).calm() } else { Plan::of(seed) };
    topology.prepare(plan.scenario).await?;
    let played = round::play(topology, &plan, assignment, recorder.of_round(seed)).await?;
    report.add(plan.scenario, played, recorder.take());
    Ok(())
}

/// A scenario comes back after a few seeds. There are no more than 255 lanes.
const SEARCH: u64 = 16 * 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_share_the_seeds() {
        let scenarios = vec![Scenario::Promotion, Scenario::Everything];
        let assignment = Assignment { scenarios, ..Assignment::new(1, PluginChoice::Auto) };
        let next = |from, others, major| assignment.next(from, others, major).unwrap();
        assert_eq!([0, 1, 2, 3].map(|others| next(1, others, 17)), [8, 15, 16, 24]);
        assert_eq!([0, 1].map(|others| next(1, others, 15)), [8, 16]);
        assert_eq!(next(8, 2, 17), 16, "the next one of two lanes");
    }
}
