//! Reads what `cargo test` prints: which suite runs, and how it ended.

use std::time::{Duration, Instant};

/// A test run, as far as it has been read.
#[derive(Debug)]
pub(crate) struct Transcript {
    started: Instant,
    latest: Instant,
    suites: Vec<Suite>,
}

#[derive(Debug)]
struct Suite {
    name: String,
    started: Instant,
    elapsed: Duration,
    counts: Option<Counts>,
    /// The lines in which the harness says what it leaves out.
    skips: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Transcript {
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, latest: now, suites: Vec::new() }
    }

    /// Takes the next line of the output, which was printed at `now`.
    pub(crate) fn read(&mut self, line: &str, now: Instant) {
        self.latest = now;
        if let Some(name) = suite_name(line) {
            self.suites.push(Suite {
                name,
                started: now,
                elapsed: Duration::ZERO,
                counts: None,
                skips: Vec::new(),
            });
        }
        let Some(suite) = self.suites.last_mut() else { return };
        suite.elapsed = now - suite.started;
        if line.starts_with("SKIPPED:") {
            suite.skips.push(line.to_owned());
        } else if let Some(counts) = Counts::read(line) {
            // The documentation tests of one package report once per edition and mode.
            suite.counts = Some(suite.counts.unwrap_or_default().plus(counts));
        }
    }

    /// What makes the run a failure although no test has failed.
    pub(crate) fn complaint(&self) -> Option<String> {
        if let Some(suite) = self.suites.iter().find(|suite| suite.counts.is_none()) {
            return Some(format!("{} ended without a result", suite.name));
        }
        let live = self.suites.iter().filter(|suite| suite.is_live()).map(Suite::counts);
        let ran = live.map(|counts| counts.passed + counts.failed).sum::<usize>();
        (ran == 0).then(|| "no live test ran".to_owned())
    }

    /// A table of the suites, what was skipped and why, and the line that counts the tests.
    /// `succeeded` is what the run itself says.
    pub(crate) fn summary(&self, succeeded: bool) -> String {
        let mut text =
            format!("{:<52} {:>7} {:>7} {:>7} {:>8}\n", "suite", "passed", "failed", "skipped", "seconds");
        for suite in self.suites.iter().filter(|suite| !suite.is_empty()) {
            text.push_str(&row(&suite.name, suite.counts(), suite.elapsed));
        }
        let mut total = self.suites.iter().map(Suite::counts).fold(Counts::default(), Counts::plus);
        text.push_str(&row("all", total, self.latest - self.started));
        for skip in self.suites.iter().flat_map(|suite| &suite.skips) {
            text.push_str(&format!("\n{skip}"));
        }
        if let Some(complaint) = self.complaint() {
            text.push_str(&format!("\nerror: {complaint}"));
        }
        // A suite that did not compile, or a process that was killed: not a test, but a failure.
        if total.failed == 0 && (!succeeded || self.complaint().is_some()) {
            total.failed = 1;
        }
        text.push_str(&format!("\n{} passed, {} failed", total.passed, total.failed));
        if total.skipped > 0 {
            text.push_str(&format!(", {} skipped", total.skipped));
        }
        text
    }
}

impl Suite {
    /// The result, with every skip counted: a harness may report a test that it skips as
    /// ignored, or say so in a line alone, or do both.
    fn counts(&self) -> Counts {
        let counts = self.counts.unwrap_or(Counts { failed: 1, ..Counts::default() });
        Counts { skipped: counts.skipped.max(self.skips.len()), ..counts }
    }

    fn is_live(&self) -> bool {
        self.name.starts_with("live ")
    }

    fn is_empty(&self) -> bool {
        self.counts() == Counts::default()
    }
}

impl Counts {
    /// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; …`. A child that shares the
    /// output may have written half a line before it.
    fn read(line: &str) -> Option<Self> {
        let (_, result) = line.split_once("test result: ")?;
        let (_, counts) = result.split_once(". ")?;
        let count = |what: &str| {
            let mut parts = counts.split(';').filter_map(|part| part.trim().split_once(' '));
            parts.find(|(_, name)| *name == what)?.0.parse().ok()
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            skipped: count("ignored").unwrap_or(0),
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// The name of the suite that starts with this line of cargo's, if one does: the program's
/// name without its hash, and the source.
fn suite_name(line: &str) -> Option<String> {
    let line = line.trim();
    if let Some(package) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{package} (documentation)"));
    }
    let (source, program) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once(" (")?;
    let (_, file) = program.rsplit_once(['/', '\\'])?;
    let (name, _hash) = file.rsplit_once('-')?;
    Some(format!("{name} ({})", source.trim_start_matches("unittests ")))
}

fn row(name: &str, counts: Counts, elapsed: Duration) -> String {
    let Counts { passed, failed, skipped } = counts;
    format!("{name:<52} {passed:>7} {failed:>7} {skipped:>7} {:>8.1}\n", elapsed.as_secs_f32())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Transcript {
        let mut now = Instant::now();
        let mut transcript = Transcript::new(now);
        for line in lines.lines() {
            now += Duration::from_millis(250);
            transcript.read(line, now);
        }
        transcript
    }

    const UNIT: &str = "
     Running unittests src/lib.rs (target/debug/deps/nudge_proto-e0bd6afe63bb3cc7)
running 2 tests
test a ... ok
test b ... ok
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
    const LIVE: &str = "
     Running tests/live.rs (target/debug/deps/live-0123456789abcdef)
SKIPPED: keyless_tables: no wal2json in 16.14
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 1.21s";
    const DOC: &str = "
   Doc-tests nudge_proto
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s";

    fn last_line(transcript: &Transcript, succeeded: bool) -> String {
        transcript.summary(succeeded).lines().last().expect("a line").to_owned()
    }

    #[test]
    fn suites_are_named_and_counted() {
        let transcript = read(&[UNIT, LIVE, DOC].concat());
        assert_eq!(transcript.complaint(), None);
        let summary = transcript.summary(true);
        let cells = |name: &str| -> Vec<&str> {
            let row =
                summary.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{summary}"));
            row[name.len()..].split_whitespace().collect()
        };
        assert_eq!(cells("nudge_proto (src/lib.rs)"), ["2", "0", "0", "1.0"]);
        assert_eq!(cells("live (tests/live.rs)"), ["3", "0", "1", "0.5"]);
        assert_eq!(cells("nudge_proto (documentation)"), ["3", "0", "0", "0.5"]);
        assert!(summary.contains("\nSKIPPED: keyless_tables: no wal2json in 16.14\n"));
        assert_eq!(last_line(&transcript, true), "8 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn nothing_skipped_is_not_mentioned() {
        let live = "Running tests/live.rs (d/live-0)\ntest result: ok. 3 passed; 0 failed; 0 ignored;";
        assert_eq!(last_line(&read(live), true), "3 passed, 0 failed");
    }

    #[test]
    fn a_run_without_a_live_test_is_a_failure() {
        assert_eq!(read(UNIT).complaint().as_deref(), Some("no live test ran"));
        let skipped =
            "Running tests/live.rs (d/live-0)\ntest result: ok. 0 passed; 0 failed; 4 ignored; 0 measured";
        assert_eq!(read(skipped).complaint().as_deref(), Some("no live test ran"));
        assert_eq!(last_line(&read(skipped), true), "0 passed, 1 failed, 4 skipped");
    }

    #[test]
    fn a_suite_that_dies_counts_as_a_failure() {
        let died = "Running tests/laws.rs (d/laws-0)\nrunning 4 tests\nerror: test failed\n";
        let transcript = read(&[died, LIVE].concat());
        assert_eq!(transcript.complaint().as_deref(), Some("laws (tests/laws.rs) ended without a result"));
        assert_eq!(last_line(&transcript, false), "3 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_run_that_fails_never_counts_no_failure() {
        assert_eq!(last_line(&read(LIVE), false), "3 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_result_behind_half_a_line_of_somebody_else_counts() {
        let line = "LOG:  checkpoint statest result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured";
        assert_eq!(Counts::read(line), Some(Counts { passed: 1, failed: 2, skipped: 0 }));
        assert_eq!(Counts::read("test result: nonsense"), None);
        assert_eq!(Counts::read("test x ... ok"), None);
    }

    #[test]
    fn other_lines_do_not_start_a_suite() {
        for line in
            ["Running the server (port 5432)", "running 3 tests", "   Compiling live v0.1.0 (/x/live-0)"]
        {
            assert_eq!(suite_name(line), None, "{line}");
        }
    }
}
