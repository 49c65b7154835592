//! `proof`: tries the claims one by one, shows the evidence, and leaves a report. `cargo xtask proof`
//! runs it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod arguments;
mod attempts;
mod provider;

use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use clap::Parser;
use pgnudge_live::report::{Report, Tried, Verdict};
use pgnudge_live::{ALL, Case, Failure, product};

use arguments::Arguments;
use provider::Provider;

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
    if !arguments.cases().any(|_| true) {
        let names: Vec<_> = ALL.iter().map(|claim| claim.name).collect();
        return Err(Failure::new(format!("there is no such case; the claims are {}", names.join(", "))));
    }
    if arguments.list {
        list(&arguments.cases().collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    product::build()?;
    let report = prove(arguments)?;
    let page = report.write(&arguments.report)?;
    let [proven, failed, skipped] =
        [Verdict::Proven, Verdict::Failed, Verdict::Skipped].map(|v| report.count(v));
    println!("\n{proven} proven, {failed} failed, {skipped} skipped: {}", page.display());
    let good = failed == 0 && proven > 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tries everything on every server.
fn prove(arguments: &Arguments) -> Result<Report, Failure> {
    let (began, started) = (SystemTime::now(), Instant::now());
    let providers = arguments.providers();
    let servers: Result<Vec<_>, Failure> = if arguments.together {
        together(&providers, arguments)
    } else {
        providers.iter().map(|provider| attempts::on(provider, arguments)).collect()
    };
    Ok(Report {
        began: humantime::format_rfc3339_seconds(began).to_string(),
        seconds: started.elapsed().as_secs_f64(),
        command: arguments.command(),
        revision: product::revision(),
        servers: servers?,
    })
}

/// A thread for each server.
fn together(providers: &[Provider], arguments: &Arguments) -> Result<Vec<Tried>, Failure> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            providers.iter().map(|provider| scope.spawn(|| attempts::on(provider, arguments))).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.map(|tried| tried.unwrap_or_else(|_| Err(Failure::new("a panic")))).collect()
    })
}

fn list(cases: &[Case]) {
    for claim in ALL.iter().filter(|claim| cases.iter().any(|case| case.claim.name == claim.name)) {
        println!("{}: {} ({})", claim.name, claim.title, claim.proves.join(", "));
        println!("    {}", claim.claim);
        println!("    false if {}\n", claim.falsified_by);
    }
}
