//! `consistency`: plays rounds of the consistency checker for as long as it is told to.
//! `cargo xtask proof consistency` runs it.
//!
//! A lane is one server with one plugin. Lanes of one kind share the seeds between them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use futures::stream::{self, StreamExt};
use pgnudge::{Plugin, PluginChoice};
use pgnudge_live::Failure;
use pgnudge_live::consistency::{self, Assignment, Consumer, Leak, Report, Scenario, Topology};
use pgnudge_testkit::Installation;
use tokio::runtime::Runtime;

/// Tries to make a copy wrong that a consumer of pgnudge keeps, with random work and random faults
#[derive(Debug, Parser)]
#[command(name = "consistency")]
struct Arguments {
    /// How long; what is begun is played to its end
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    minutes: f64,
    /// The seed of the first round; each later one has the next number
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Only rounds of this scenario; may be repeated
    #[arg(long, value_name = "NAME", value_parser = scenario)]
    scenario: Vec<Scenario>,
    /// Only with this plugin; without, with each that there is
    #[arg(long, value_name = "NAME", value_parser = ["test_decoding", "wal2json"])]
    plugin: Option<String>,
    /// Who holds the copy: refetch, live, cache, or racy-cache, which has to be found
    #[arg(long, value_name = "NAME", default_value = "refetch", value_parser = consumer)]
    consumer: Consumer,
    /// Play so many rounds side by side, each on another server
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: u8,
    /// Go on when a copy is stale, and name all of them in the end
    #[arg(long)]
    keep_going: bool,
    /// Lose one wakeup in so many before it reaches the copy, and break nothing: it has to be found
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    leak: Option<u64>,
    /// On the server whose programs are in this directory; may be repeated
    #[arg(long, value_name = "DIR")]
    bin_dir: Vec<PathBuf>,
}

/// One server, one plugin, and the seeds that are its own.
struct Lane {
    installation: Installation,
    plugin: Plugin,
    seed: u64,
    lane: u64,
    lanes: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let reports: Vec<_> = Runtime::new()?.block_on(async {
        let lanes = arguments.lanes().await?;
        let playing = stream::iter(lanes).map(|lane| arguments.play(lane));
        Ok::<_, Failure>(playing.buffer_unordered(usize::from(arguments.jobs.max(1))).collect().await)
    })?;
    if reports.is_empty() {
        return Err(Failure::new("no server here offers that plugin"));
    }
    let mut good = true;
    for report in reports {
        good &= report?.stale.is_empty();
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    /// Each server with each plugin that it offers, as often as there are jobs for.
    async fn lanes(&self) -> Result<Vec<Lane>, Failure> {
        let seed = self.seed.unwrap_or_else(consistency::fresh_seed);
        let mut pairs = Vec::new();
        for installation in self.installations()? {
            let topology = Topology::start(installation.clone()).await?;
            for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
                let wanted = self.plugin.as_deref().is_none_or(|name| name == plugin.name());
                if wanted && topology.server().offers(plugin.name()) {
                    pairs.push((installation.clone(), plugin));
                }
            }
        }
        let lanes = (usize::from(self.jobs) / pairs.len().max(1)).max(1) as u64;
        let each = |(installation, plugin): (Installation, Plugin)| {
            (0..lanes).map(move |lane| Lane { installation: installation.clone(), plugin, seed, lane, lanes })
        };
        Ok(pairs.into_iter().flat_map(each).collect())
    }

    fn installations(&self) -> Result<Vec<Installation>, Failure> {
        if self.bin_dir.is_empty() {
            return Ok(vec![Installation::find(&[])?]);
        }
        self.bin_dir.iter().map(|dir| Ok(Installation::find(std::slice::from_ref(dir))?)).collect()
    }

    async fn play(&self, lane: Lane) -> Result<Report, Failure> {
        let assignment = self.assignment(&lane);
        let Lane { installation, plugin, seed, .. } = lane;
        let bin = installation.bin().display().to_string();
        let mut topology = Topology::start(installation).await?;
        let place = format!("on PostgreSQL {} with {plugin}, seed {seed}", topology.server().version());
        println!("{place}: begins");
        let end = Instant::now() + Duration::try_from_secs_f64(self.minutes * 60.0)?;
        let again = format!(
            "again: cargo xtask proof consistency --minutes 0 --plugin {plugin} --bin-dir {bin} --seed"
        );
        let (mut shown, mut stale) = (Instant::now(), 0);
        let report = consistency::run(&mut topology, &assignment, |report| {
            for found in &report.stale[stale..] {
                println!("STALE: {found}\n{again} {}", found.seed);
            }
            stale = report.stale.len();
            if shown.elapsed() >= PROGRESS {
                shown = Instant::now();
                println!("{place}: {report}");
            }
            report.rounds == 0 || Instant::now() < end
        });
        let report = report.await.map_err(|failure| Failure::new(format!("{failure}\n{again} as above")))?;
        println!("{place}: {report}");
        println!("scenarios: {}", Counts(&report.scenarios));
        println!("faults: {}", Counts(&report.faults()));
        println!("resyncs: {}", Counts(&report.resyncs()));
        Ok(report)
    }

    fn assignment(&self, lane: &Lane) -> Assignment {
        let Lane { plugin, seed, lane, lanes, .. } = *lane;
        let sound = Assignment::new(seed, PluginChoice::Only(plugin));
        let scenarios =
            if self.scenario.is_empty() { sound.scenarios.clone() } else { self.scenario.clone() };
        let (consumer, persistent) = (self.consumer, self.keep_going);
        let sound = Assignment { lane, lanes, scenarios, consumer, persistent, ..sound };
        match self.leak {
            None => sound,
            Some(one_in) => Assignment { leak: Leak::one_in(one_in), calm: true, ..sound },
        }
    }
}

fn scenario(name: &str) -> Result<Scenario, String> {
    let names: Vec<_> = Scenario::ALL.iter().map(|one| one.name()).collect();
    let found = Scenario::ALL.iter().find(|one| one.name() == name);
    found.copied().ok_or_else(|| format!("one of {}", names.join(", ")))
}

fn consumer(name: &str) -> Result<Consumer, String> {
    let names: Vec<_> = Consumer::ALL.iter().map(|(name, _)| *name).collect();
    let found = Consumer::ALL.iter().find(|(known, _)| *known == name);
    found.map(|(_, consumer)| *consumer).ok_or_else(|| format!("one of {}", names.join(", ")))
}

/// Names, and how often each.
struct Counts<'a, K>(&'a BTreeMap<K, usize>);

impl<K: fmt::Display> fmt::Display for Counts<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> = self.0.iter().map(|(name, count)| format!("{name} {count}")).collect();
        f.write_str(&counts.join(", "))
    }
}

const PROGRESS: Duration = Duration::from_secs(5);
