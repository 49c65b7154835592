//! Every claim as a test, on one server: `cargo test --package pgnudge-live --test live [FILTER…]`.
//!
//! The tests are named `claim::plugin`. What cannot be tried here is said in lines that begin with
//! `SKIPPED:`, and a run in which nothing was tried has failed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a harness prints")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use pgnudge_live::{Abilities, Case, Effort, Failure, product};
use pgnudge_testkit::Server;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Claims wait more than they compute.
    arguments.test_threads.get_or_insert(2);
    match run(&arguments) {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if arguments.list {
        let trials = Case::all().map(|case| Trial::test(case.to_string(), || Ok(())));
        return Ok(libtest_mimic::run(arguments, trials.collect()).exit_code());
    }
    product::build()?;
    let runtime = Runtime::new()?;
    let (server, abilities) = runtime.block_on(server())?;
    println!("on PostgreSQL {}", server.version());
    let trials: Vec<_> = Case::all().map(|case| trial(case, &server, &abilities)).collect();
    for (case, trial) in Case::all().zip(&trials) {
        if let Some(obstacle) = case.obstacle(&abilities).filter(|_| !arguments.is_filtered_out(trial)) {
            println!("SKIPPED: {case}: {}", obstacle.replace('\n', "; "));
        }
    }
    let conclusion = libtest_mimic::run(arguments, trials);
    if conclusion.num_passed + conclusion.num_failed == 0 {
        return Err(Failure::new("no claim was tried"));
    }
    Ok(conclusion.exit_code())
}

async fn server() -> Result<(Arc<Server>, Abilities), Failure> {
    let server = Server::find().await?;
    let abilities = Abilities::of(&server).await?;
    Ok((Arc::new(server), abilities))
}

fn trial(case: Case, server: &Arc<Server>, abilities: &Abilities) -> Trial {
    let (server, obstacle) = (Arc::clone(server), case.obstacle(abilities));
    Trial::ignorable_test(case.to_string(), move || match obstacle {
        Some(obstacle) => Ok(Completion::ignored_with(obstacle)),
        None => prove(case, &server).map(|()| Completion::Completed),
    })
}

fn prove(case: Case, server: &Arc<Server>) -> Result<(), Failed> {
    let started = Instant::now();
    let result = case.prove(server, Effort::default());
    let elapsed = started.elapsed().as_secs_f32();
    match result {
        Ok(evidence) => {
            println!("{case} ({elapsed:.1} s): {evidence}");
            Ok(())
        }
        Err(failure) => Err(format!("{failure}\nagain: {}", case.replay(server, Effort::default())).into()),
    }
}
