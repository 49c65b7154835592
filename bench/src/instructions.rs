//! `instructions`: what a change costs in instructions of the feed's own, which is the same on a busy
//! machine and on an idle one. So it has budgets, and continuous integration runs it.
//!
//! Valgrind counts the instructions of a client that reads a stream, and of one that reads it for twice
//! as long: the difference is free of whatever connecting costs. Under valgrind a client is so slow that
//! every read fills the inbox: what remains to chance is how often the window closes. The kernel's part
//! is not in it.

use std::ffi::OsString;
use std::process::Stdio;

use pgnudge::Plugin;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::client::{self, Kind};
use crate::failure::Failure;
use crate::report::{self, Table};
use crate::stream::{Row, Shape, Stream};
use crate::walsender::{Reader, Script, serving};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the streams whose name holds this
    #[arg(long, default_value = "")]
    only: String,
}

/// A stream, and the instructions that a change in it may cost.
struct Case {
    name: &'static str,
    shape: Shape,
    budget: f64,
}

#[derive(Serialize)]
struct Outcome {
    stream: &'static str,
    instructions_per_change: f64,
    budget: f64,
}

/// The budgets are what was measured when the feed was last made cheaper, on x86-64 with AVX2 (glibc 2.36,
/// Rust 1.95).
fn cases() -> Vec<Case> {
    let case = |name, budget, plugin, row, tables, transaction, changes| Case {
        name,
        budget,
        shape: Shape { plugin, row, tables, transaction, changes },
    };
    let (json, test) = (Plugin::Wal2Json, Plugin::TestDecoding);
    vec![
        case("wal2json, 10,000 rows/tx", 228.0, json, Row::Of(377), 1, 10_000, N),
        case("test_decoding, 10,000 rows/tx", 164.0, test, Row::Of(204), 1, 10_000, N),
        case("wal2json, 1 row/tx", 1017.0, json, Row::Of(377), 1, 1, N),
        case("test_decoding, 1 row/tx", 820.0, test, Row::Of(204), 1, 1, N),
        case("wal2json, 8 tables in turn", 361.0, json, Row::Of(377), 8, 100, N),
        case("test_decoding, 8 tables in turn", 229.0, test, Row::Of(204), 8, 100, N),
        case("wal2json, 50 columns", 267.0, json, Row::Wide, 1, 100, N / 4),
        case("test_decoding, 50 columns", 182.0, test, Row::Wide, 1, 100, N / 4),
    ]
}

/// Changes, at least: so many that what is left to chance is less than a hundredth.
const N: usize = 50_000;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut outcomes = Vec::new();
    let mut table = Table::new(&["stream", "instructions per change", "budget"]);
    for Case { name, shape, budget } in cases().into_iter().filter(|case| case.name.contains(&arguments.only))
    {
        let measured = per_change(&shape)?;
        table.row(vec![name.to_owned(), format!("{measured:.0}"), format!("{budget:.0}")]);
        outcomes.push(Outcome { stream: name, instructions_per_change: measured, budget });
    }
    table.print();
    report::write_json("instructions", &outcomes)?;
    if cfg!(not(target_arch = "x86_64")) {
        println!("not compared: the budgets are those of x86-64");
        return Ok(());
    }
    judge(&outcomes)
}

/// Fails if a budget is exceeded, and tells which of them are too generous.
fn judge(outcomes: &[Outcome]) -> Result<(), Failure> {
    let share = |outcome: &Outcome| outcome.instructions_per_change / outcome.budget;
    for generous in outcomes.iter().filter(|outcome| share(outcome) < 1.0 / TOLERANCE) {
        println!("{}: far below its budget: lower it, in bench/src/instructions.rs", generous.stream);
    }
    let exceeded: Vec<_> =
        outcomes.iter().filter(|outcome| share(outcome) > TOLERANCE).map(|outcome| outcome.stream).collect();
    if exceeded.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("the instructions per change exceed the budget: {}", exceeded.join("; "))))
}

/// Compilers and C libraries differ by some percent.
const TOLERANCE: f64 = 1.1;

fn per_change(shape: &Shape) -> Result<f64, Failure> {
    let runtime = crate::runtime()?;
    let stream = Stream::new(shape);
    let changes = stream.changes();
    let twice = runtime.block_on(instructions(stream.twice(), shape.plugin))?;
    let once = runtime.block_on(instructions(stream, shape.plugin))?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
    Ok(twice.saturating_sub(once) as f64 / changes as f64)
}

/// Instructions of a feed from its process' start to its end.
async fn instructions(stream: Stream, plugin: Plugin) -> Result<u64, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let gate = TcpListener::bind(("127.0.0.1", 0)).await?;
    let client = client::Arguments {
        kind: Kind::Pgnudge,
        port: listener.local_addr()?.port(),
        plugin,
        changes: stream.changes() as u64,
        tls: false,
        gate: gate.local_addr()?,
    };
    let counting = valgrind(client.words()?);
    serving(&listener, Script { stream, reader: Reader::Feed { gate }, tls: None }, counting).await
}

async fn valgrind(words: Vec<OsString>) -> Result<u64, Failure> {
    let mut valgrind = tokio::process::Command::new("valgrind");
    // Without the caches, which it would simulate.
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]).args(words);
    valgrind.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let started =
        valgrind.spawn().map_err(|error| Failure::new(format!("valgrind cannot be started: {error}")))?;
    let output = started.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    match total(&said) {
        Some(total) if output.status.success() => Ok(total),
        _ => Err(Failure::new(format!("valgrind failed:\n{said}"))),
    }
}

/// Of a line such as `==123== I   refs:      1,234,567`.
fn total(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("refs:"))?;
    let figure = line.rsplit(':').next()?;
    figure.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_within_budget(instructions_per_change: f64) -> bool {
        judge(&[Outcome { stream: "a stream", instructions_per_change, budget: 300.0 }]).is_ok()
    }

    #[test]
    fn a_budget_may_be_exceeded_by_a_tenth() {
        assert!(is_within_budget(100.0) && is_within_budget(300.0) && is_within_budget(329.0));
        assert!(!is_within_budget(331.0));
    }

    #[test]
    fn the_total_is_read_from_what_valgrind_says() {
        let said = "==7== Cachegrind, a cache profiler\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(total(said), Some(1_234_567));
        assert_eq!(total("==7== Cachegrind: no such tool"), None);
    }
}
