//! `proof`: tries the claims one by one, and shows the evidence. `cargo xtask proof` runs it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use pgnudge_live::{ALL, Abilities, Case, Failure, Variant, product};
use pgnudge_testkit::{Cluster, Installation, Server};
use tokio::runtime::Runtime;

/// Proves the claims of pgnudge on real servers
#[derive(Debug, Parser)]
#[command(name = "proof")]
struct Arguments {
    /// The claims to prove, or parts of their names; without any, all of them
    #[arg(value_name = "CLAIM")]
    claims: Vec<String>,
    /// Only with this plugin
    #[arg(long, value_name = "NAME", value_parser = ["test_decoding", "wal2json"])]
    plugin: Option<String>,
    /// On the server whose programs are in this directory; may be repeated
    #[arg(long, value_name = "DIR")]
    bin_dir: Vec<PathBuf>,
    /// Tell what is claimed, and prove nothing
    #[arg(long)]
    list: bool,
}

/// How the cases of one run ended.
#[derive(Debug, Default)]
struct Score {
    proven: usize,
    failed: usize,
    skipped: usize,
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
    let cases: Vec<_> = Case::all().filter(|case| arguments.wants(case)).collect();
    if cases.is_empty() {
        let names: Vec<_> = ALL.iter().map(|claim| claim.name).collect();
        return Err(Failure::new(format!("there is no such case; the claims are {}", names.join(", "))));
    }
    if arguments.list {
        list(&cases);
        return Ok(ExitCode::SUCCESS);
    }
    product::build()?;
    let mut score = Score::default();
    if arguments.bin_dir.is_empty() {
        score.prove(&cases, Server::find())?;
    }
    for dir in &arguments.bin_dir {
        let installation = Installation::find(std::slice::from_ref(dir))?;
        score.prove(&cases, Server::start_from(installation, Cluster::builder()))?;
    }
    let Score { proven, failed, skipped } = score;
    println!("\n{proven} proven, {failed} failed, {skipped} skipped");
    let good = failed == 0 && proven > 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    /// A name that is exactly a claim's means that one; otherwise part of a name does.
    fn wants(&self, case: &Case) -> bool {
        let named = |wanted: &String| match ALL.iter().any(|claim| claim.name == wanted) {
            true => case.claim.name == wanted,
            false => case.claim.name.contains(wanted.as_str()),
        };
        let with = |plugin: &str| matches!(case.variant, Variant::Plugin(p) if p.name() == plugin);
        (self.claims.is_empty() || self.claims.iter().any(named)) && self.plugin.as_deref().is_none_or(with)
    }
}

fn list(cases: &[Case]) {
    for claim in ALL.iter().filter(|claim| cases.iter().any(|case| case.claim.name == claim.name)) {
        println!("{}: {} ({})", claim.name, claim.title, claim.proves.join(", "));
        println!("    {}", claim.claim);
        println!("    false if {}\n", claim.falsified_by);
    }
}

impl Score {
    /// Tries the cases on one server, which ends here.
    fn prove(
        &mut self,
        cases: &[Case],
        server: impl Future<Output = Result<Server, pgnudge_testkit::Error>>,
    ) -> Result<(), Failure> {
        let runtime = Runtime::new()?;
        let server = Arc::new(runtime.block_on(server)?);
        let abilities = runtime.block_on(Abilities::of(&server))?;
        println!("\non PostgreSQL {}\n", server.version());
        for (number, case) in cases.iter().enumerate() {
            let place = format!("{:>3}/{}", number + 1, cases.len());
            match case.obstacle(&abilities) {
                None => self.try_case(&place, case, &server),
                Some(obstacle) => {
                    self.skipped += 1;
                    println!("SKIPPED: {case}: {}", obstacle.replace('\n', "; "));
                }
            }
        }
        Ok(())
    }

    fn try_case(&mut self, place: &str, case: &Case, server: &Arc<Server>) {
        let started = Instant::now();
        let result = case.prove(server);
        let elapsed = started.elapsed().as_secs_f32();
        match result {
            Ok(evidence) => {
                self.proven += 1;
                println!("{place}  proven  {elapsed:>5.1} s  {case}: {evidence}");
            }
            Err(failure) => {
                self.failed += 1;
                println!("{place}  FAILED  {elapsed:>5.1} s  {case}: {failure}");
                println!("         false if {}", case.claim.falsified_by);
                println!("         again: {}", case.replay(server));
            }
        }
    }
}
