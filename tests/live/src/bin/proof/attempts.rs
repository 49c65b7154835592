//! The cases on one server, one after another, and a line for each.

use std::sync::Arc;
use std::time::Instant;

use pgnudge_live::report::{Outcome, Tried, Verdict};
use pgnudge_live::{Abilities, Case, Effort, Failure};
use pgnudge_testkit::Server;
use tokio::runtime::Runtime;

use crate::arguments::Arguments;
use crate::provider::Provider;

/// Tries the cases on that server, which ends here if it is ours.
pub(crate) fn on(provider: &Provider, arguments: &Arguments) -> Result<Tried, Failure> {
    let runtime = Runtime::new()?;
    let server = Arc::new(runtime.block_on(provider.server())?);
    let abilities = runtime.block_on(Abilities::of(&server))?;
    let cases: Vec<_> = match provider {
        Provider::Named(_) => arguments.cases_as_given().collect(),
        _ => arguments.cases().collect(),
    };
    println!("\non PostgreSQL {}{}\n", server.version(), server.replay());
    let mut outcomes = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let outcome = match case.obstacle(&abilities) {
            Some(obstacle) => Outcome::of(case, Verdict::Skipped, obstacle.replace('\n', "; ")),
            None => attempt(case, &server, arguments.effort()),
        };
        show(&format!("{} {:>3}/{}", server.version(), number + 1, cases.len()), case, &outcome);
        outcomes.push(outcome);
    }
    Ok(Tried { version: server.version().to_owned(), origin: server.replay(), outcomes })
}

fn attempt(case: &Case, server: &Arc<Server>, effort: Effort) -> Outcome {
    let started = Instant::now();
    let result = case.prove(server, effort);
    let (verdict, words) = match &result {
        Ok(evidence) => (Verdict::Proven, evidence.to_string()),
        Err(failure) => (Verdict::Failed, failure.to_string()),
    };
    let figures = result.map(|evidence| evidence.figures().to_vec()).unwrap_or_default();
    let (seconds, replay) = (started.elapsed().as_secs_f64(), case.replay(server, effort));
    Outcome { seconds, replay, figures, ..Outcome::of(case, verdict, words) }
}

fn show(place: &str, case: &Case, outcome: &Outcome) {
    let Outcome { words, seconds, .. } = outcome;
    match outcome.verdict {
        Verdict::Skipped => println!("{place}  SKIPPED: {case}: {words}"),
        Verdict::Proven => println!("{place}  proven  {seconds:>5.1} s  {case}: {words}"),
        Verdict::Failed => {
            println!("{place}  FAILED  {seconds:>5.1} s  {case}: {words}");
            println!("         false if {}", case.claim.falsified_by);
            println!("         again: {}", outcome.replay);
        }
    }
}
