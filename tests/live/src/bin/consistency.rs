//! `consistency`: plays rounds of the consistency checker for as long as it is told to.
//! `cargo xtask proof consistency` runs it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use pgnudge::{Plugin, PluginChoice};
use pgnudge_live::Failure;
use pgnudge_live::consistency::{self, Assignment, Leak, Report};
use pgnudge_testkit::{Installation, Server};
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
    /// Only with this plugin; without, with each that there is, one after another
    #[arg(long, value_name = "NAME", value_parser = ["test_decoding", "wal2json"])]
    plugin: Option<String>,
    /// Lose one wakeup in so many before it reaches the copy, and break nothing: it has to be found
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    leak: Option<u64>,
    /// On the server whose programs are in this directory; may be repeated
    #[arg(long, value_name = "DIR")]
    bin_dir: Vec<PathBuf>,
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
    let runtime = Runtime::new()?;
    let seed = arguments.seed.unwrap_or_else(consistency::fresh_seed);
    let mut installations = Vec::new();
    for dir in &arguments.bin_dir {
        installations.push(Installation::find(std::slice::from_ref(dir))?);
    }
    if installations.is_empty() {
        installations.push(Installation::find(&[])?);
    }
    let mut runs = Vec::new();
    for installation in installations {
        let server = runtime.block_on(Server::start_from(installation, consistency::cluster()))?;
        for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
            let wanted = arguments.plugin.as_deref().is_none_or(|name| name == plugin.name());
            if wanted && server.offers(plugin.name()) {
                runs.push(runtime.block_on(arguments.play(&server, plugin, seed))?);
            }
        }
    }
    if runs.is_empty() {
        return Err(Failure::new("no server here offers that plugin"));
    }
    let good = runs.iter().all(|report| report.stale.is_none());
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    async fn play(&self, server: &Server, plugin: Plugin, seed: u64) -> Result<Report, Failure> {
        println!("\non PostgreSQL {} with {plugin}, seed {seed}", server.version());
        let end = Instant::now() + Duration::try_from_secs_f64(self.minutes * 60.0)?;
        let sound = Assignment::new(seed, PluginChoice::Only(plugin));
        let assignment = match self.leak {
            None => sound,
            Some(one_in) => Assignment { leak: Leak::one_in(one_in), calm: true, ..sound },
        };
        let mut told = Instant::now();
        let report = consistency::run(server, &assignment, |report| {
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                println!("{report}");
            }
            report.rounds == 0 || Instant::now() < end
        });
        let bin = server.cluster()?.installation().bin().display();
        let again = format!(
            "again: cargo xtask proof consistency --minutes 0 --plugin {plugin} --bin-dir {bin} --seed"
        );
        let report = report.await.map_err(|failure| Failure::new(format!("{failure}\n{again} as above")))?;
        println!("{report}");
        println!("faults: {}", Counts(report.faults()));
        println!("resyncs: {}", Counts(report.resyncs()));
        if let Some(stale) = &report.stale {
            println!("STALE: {stale}\n{again} {}", stale.seed);
        }
        Ok(report)
    }
}

/// Names, and how often each.
struct Counts<'a>(BTreeMap<&'a str, usize>);

impl fmt::Display for Counts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> = self.0.iter().map(|(name, count)| format!("{name} {count}")).collect();
        f.write_str(&counts.join(", "))
    }
}

const PROGRESS: Duration = Duration::from_secs(5);
