//! `cargo xtask fuzz`: searches for bytes that break a law.
//!
//! cargo-fuzz builds and runs the targets. No sanitizer is asked for: there is no unsafe code to
//! watch, and without one the stable compiler will do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::arguments::Arguments;
use crate::cargo::{self, cargo};
use crate::command::Command;
use crate::failure::Failure;
use crate::setup::{self, Purpose};
use crate::suggestion;

pub(crate) const COMMAND: Command = Command {
    name: "fuzz",
    about: "searches for bytes that break a law",
    arguments: "[LAW…] [--seconds N] [--list]",
    details: "  LAW            a law to attack; without any, all of them, one after the other
  --seconds N    attack each of them for so long; 60 if it is not given
  --list         name the laws

A law is a function of tests/laws. The search starts from fuzz/seeds/LAW and goes on where the last
one stopped (fuzz/corpus/LAW). What breaks a law is left in fuzz/artifacts/LAW.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let mut arguments = Arguments::new(words);
    let list = arguments.has("--list");
    let seconds = seconds(&arguments.values("--seconds")?)?;
    let asked = arguments.names()?;
    let laws = chosen(&asked, laws()?)?;
    if list {
        laws.iter().for_each(|law| println!("{law}"));
        return Ok(());
    }
    setup::ensure(Purpose::Build, &[])?;
    ensure_cargo_fuzz()?;
    // It goes on after a finding, so that one run shows all of them.
    let broken: Vec<_> =
        laws.iter().filter(|law| attack(law, seconds).is_err()).map(String::as_str).collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::Task(format!(
        "broken: {}\nhint: mend it, and keep what was found in fuzz/artifacts as fuzz/seeds/LAW/WHAT_IT_PROBES",
        broken.join(", ")
    )))
}

/// The names of the fuzz targets, in alphabetical order.
fn laws() -> Result<Vec<String>, Failure> {
    let directory = cargo::root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&directory).map_err(|error| failure(&directory, &error))?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut laws: Vec<_> = entries.filter_map(|entry| stem(entry.ok()?.path())).collect();
    laws.sort_unstable();
    Ok(laws)
}

/// Those that are asked for; without any, all.
fn chosen(asked: &[String], laws: Vec<String>) -> Result<Vec<String>, Failure> {
    if asked.is_empty() {
        return Ok(laws);
    }
    let names: Vec<&str> = laws.iter().map(String::as_str).collect();
    match asked.iter().find(|name| !laws.contains(name)) {
        Some(name) => {
            let hint = suggestion::for_unknown(name, &names);
            Err(Failure::Usage(format!("there is no law {name}{hint}")))
        }
        None => Ok(asked.to_vec()),
    }
}

fn seconds(values: &[String]) -> Result<u32, Failure> {
    match values {
        [] => Ok(60),
        [value] => match value.parse() {
            Ok(seconds @ 1..) => Ok(seconds),
            _ => Err(Failure::Usage(format!("--seconds takes a number from 1 on, not {value}"))),
        },
        _ => Err(Failure::Usage("--seconds is given more than once".to_owned())),
    }
}

fn ensure_cargo_fuzz() -> Result<(), Failure> {
    let version = cargo("fuzz --version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Failure::Task("cargo-fuzz is not installed\nhint: cargo install cargo-fuzz --locked".to_owned()))
}

/// Attacks one law. What is new goes to the corpus, the first directory; the seeds are only read.
fn attack(law: &str, seconds: u32) -> Result<(), Failure> {
    let (corpus, seeds) = (format!("fuzz/corpus/{law}"), format!("fuzz/seeds/{law}"));
    let directory = cargo::root().join(&corpus);
    fs::create_dir_all(&directory).map_err(|error| failure(&directory, &error))?;
    let limits = format!("-max_total_time={seconds} {LIMITS}");
    cargo::run(&mut cargo(&format!("fuzz run --sanitizer none {law} {corpus} {seeds} -- {limits}")))?;
    if fs::read_dir(&directory).map_err(|error| failure(&directory, &error))?.count() > LARGEST_CORPUS {
        cargo::run(&mut cargo(&format!("fuzz cmin --sanitizer none {law} {corpus}")))?;
    }
    Ok(())
}

fn failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Task(format!("{}: {error}", path.display()))
}

/// Of libFuzzer. Every limit of the product is met below 4 KiB; an input that takes 10 seconds or
/// 1 GiB is a finding.
const LIMITS: &str = "-max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1";

/// Files of a corpus, of at most 4 KiB each. What covers nothing of its own goes beyond that.
const LARGEST_CORPUS: usize = 5000;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_law_is_attacked_unless_some_are_named() {
        let laws = || words("intake scram");
        assert_eq!(chosen(&[], laws()), Ok(laws()));
        assert_eq!(chosen(&words("scram"), laws()), Ok(words("scram")));
        let refused = Failure::Usage("there is no law intale; did you mean intake?".to_owned());
        assert_eq!(chosen(&words("intale"), laws()), Err(refused));
    }

    #[test]
    fn seconds_are_a_number() {
        assert_eq!(seconds(&[]), Ok(60));
        assert_eq!(seconds(&words("600")), Ok(600));
        for line in ["0", "-1", "10s", "1 2"] {
            assert!(seconds(&words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn every_law_has_a_target() {
        assert!(laws().is_ok_and(|laws| laws.iter().any(|law| law == "stream_split")));
    }
}
