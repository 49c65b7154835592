//! Where the library reads the clock, and where it draws randomness.

use super::code;
use super::findings::{Finding, Rule};
use super::tree::Tree;

pub(crate) const ONE_CLOCK: Rule = Rule {
    reason: "one file of the library reads the clock: everybody else is told the time, so that the \
             suites own it",
    check: |tree| only_in_one_file(tree, &["Instant::now", "SystemTime::now"]),
};

pub(crate) const ONE_RANDOMNESS: Rule = Rule {
    reason: "one file of the library draws randomness: everybody else is given it, so that a run can be \
             repeated",
    check: |tree| only_in_one_file(tree, &["getrandom"]),
};

/// Every place after the first file that has one. Modules that are tests do not count.
fn only_in_one_file(tree: &Tree, words: &[&str]) -> Vec<Finding> {
    let places = tree.library().flat_map(|file| {
        let library = code::without_tests(file.code());
        let lines = words.iter().flat_map(move |word| code::lines_with(&library, word));
        lines.map(move |line| (file, line))
    });
    let places: Vec<_> = places.collect();
    let Some((first, _)) = places.first() else { return Vec::new() };
    let others = places.iter().filter(|(file, _)| file.path() != first.path());
    others
        .map(|(file, line)| Finding::new(file, *line, format!("{} does that already", first.path())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, holds, passes};
    use super::*;

    const CLOCK: (&str, &str) = (
        "crates/nudge-engine/src/runtime/clock.rs",
        "fn now() { Instant::now() }\nfn wall() { SystemTime::now() }",
    );

    #[test]
    fn one_clock_and_one_randomness() {
        holds(&ONE_CLOCK);
        holds(&ONE_RANDOMNESS);
    }

    #[test]
    fn one_file_and_the_tests_may() {
        let tests = "// not Instant::now\n#[cfg(test)]\nmod tests { fn x() { Instant::now() } }";
        let files = [
            CLOCK,
            ("crates/nudge-proto/src/lsn.rs", tests),
            ("crates/pgnudge-cli/src/main.rs", "Instant::now()"),
        ];
        passes(&ONE_CLOCK, &files);
        passes(&ONE_RANDOMNESS, &files);
    }

    #[test]
    fn a_second_file_may_not() {
        let files =
            [CLOCK, ("crates/pgnudge/src/feed.rs", "\nlet x = SystemTime::now();\ngetrandom::fill(b)")];
        assert_eq!(
            findings(&ONE_CLOCK, &files),
            ["crates/pgnudge/src/feed.rs:2: crates/nudge-engine/src/runtime/clock.rs does that already"]
        );
        passes(&ONE_RANDOMNESS, &files);
    }
}
