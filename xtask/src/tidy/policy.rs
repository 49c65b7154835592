//! What the engine's policy may not name.

use super::code;
use super::findings::{Finding, Rule};
use super::tree::Tree;

pub(crate) const RULE: Rule = Rule {
    reason: "nudge-engine/src/policy is pure: time and chance are arguments, and nothing awaits. So each \
             decision is a function that a test can call",
    check,
};

const ROOM: &str = "crates/nudge-engine/src/policy";
const OUTSIDE: [&str; 3] = ["tokio", "getrandom", "await"];
/// Tests may take some instant to start from, for std makes none in another way.
const CLOCKS: [&str; 2] = ["Instant::now", "SystemTime::now"];

fn check(tree: &Tree) -> Vec<Finding> {
    let inside = tree.rust().filter(|file| file.path().starts_with(ROOM));
    let found = inside.flat_map(|file| {
        let decisions = code::without_tests(file.code());
        let outside = OUTSIDE.iter().map(|word| (word, code::lines_with(file.code(), word)));
        let clocks = CLOCKS.iter().map(|word| (word, code::lines_with(&decisions, word)));
        let named =
            outside.chain(clocks).flat_map(|(word, lines)| lines.into_iter().map(move |line| (line, word)));
        named.map(|(line, word)| Finding::new(file, line, format!("names {word}"))).collect::<Vec<_>>()
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, holds, passes};
    use super::*;

    #[test]
    fn policy_is_pure() {
        holds(&RULE);
    }

    #[test]
    fn arguments_and_words_about_the_clock_are_fine() {
        let policy = "//! Never calls Instant::now; tokio is elsewhere.\nfn due(now: Instant) {}\n\
                      #[cfg(test)]\nmod tests { fn x() { due(Instant::now()) } }";
        let runtime = ("crates/nudge-engine/src/runtime/clock.rs", "tokio::time::Instant::now()");
        passes(&RULE, &[("crates/nudge-engine/src/policy/window.rs", policy), runtime]);
    }

    #[test]
    fn the_clock_and_the_runtime_are_not() {
        let policy =
            "fn x() {\nstd::time::Instant::now();\n}\n#[cfg(test)]\nmod tests { use tokio::test; }\n";
        let found = findings(&RULE, &[("crates/nudge-engine/src/policy.rs", policy)]);
        assert_eq!(
            found,
            [
                "crates/nudge-engine/src/policy.rs:5: names tokio",
                "crates/nudge-engine/src/policy.rs:2: names Instant::now",
            ]
        );
    }
}
