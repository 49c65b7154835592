//! Which tests hold what the documents promise.
//!
//! ARCHITECTURE.md numbers its invariants (`**I7** …`), docs/contract.md its rules of delivery
//! (`**R7 …`), each in a paragraph of its own, in an item of a list, or in the row of a table.
//! It names in backticks the tests that hold it. A paragraph may speak of other things in
//! backticks too; behind the word `Tests:` everything is a test's name.

use std::collections::BTreeSet;

use super::code;
use super::findings::{Finding, Rule};
use super::functions;
use super::tree::{File, Tree};

pub(crate) const RULE: Rule = Rule {
    reason: "each numbered promise names a test that exists, in backticks: a promise that nothing holds \
             is a wish, and a test nobody can find is not looked at when the promise changes",
    check,
};

/// A document, the letter of its promises, and how many of them there have to be.
const DOCUMENTS: [(&str, char, usize); 2] = [("ARCHITECTURE.md", 'I', 1), ("docs/contract.md", 'R', 13)];

fn check(tree: &Tree) -> Vec<Finding> {
    let tests = test_names(tree);
    let mut findings = Vec::new();
    for (path, letter, least) in DOCUMENTS {
        match tree.file(path) {
            Some(file) => findings.extend(check_document(file, letter, least, &tests)),
            None => findings.push(Finding::at(path, 1, "is missing")),
        }
    }
    findings
}

fn check_document(file: &File, letter: char, least: usize, tests: &BTreeSet<&str>) -> Vec<Finding> {
    let promises = promises(file, letter);
    let last = promises.iter().map(|promise| promise.number).max().unwrap_or(0).max(least);
    let mut findings = Vec::new();
    for number in 1..=last {
        // A promise may be made in one place, and its tests be listed in another.
        let places: Vec<_> = promises.iter().filter(|promise| promise.number == number).collect();
        let Some(first) = places.first() else {
            findings.push(Finding::new(file, 1, format!("there is no {letter}{number}")));
            continue;
        };
        if !places.iter().any(|place| place.names().any(|name| tests.contains(name))) {
            findings.push(Finding::new(
                file,
                first.line,
                format!("{letter}{number} names no test that exists"),
            ));
        }
        for place in places {
            let gone = place.declared_tests().filter(|name| !tests.contains(name));
            findings.extend(gone.map(|name| {
                Finding::new(file, place.line, format!("{letter}{number}: there is no test {name}"))
            }));
        }
    }
    findings
}

/// What is said about one numbered promise in one place.
struct Promise {
    number: usize,
    line: usize,
    text: String,
}

impl Promise {
    /// The names in backticks; of a path, the last part.
    fn names(&self) -> impl Iterator<Item = &str> {
        names(&self.text)
    }

    /// The names in backticks behind the word that says that they are tests.
    fn declared_tests(&self) -> impl Iterator<Item = &str> {
        let marks = ["Tests: ", "Test: ", "tests: ", "test: "];
        let behind = marks.iter().find_map(|mark| self.text.split_once(mark));
        names(behind.map_or("", |(_, behind)| behind))
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.map(|path| path.rsplit("::").next().unwrap_or(path).trim_end_matches("()"))
}

/// The paragraphs, items and rows that open with the letter and a number.
fn promises(file: &File, letter: char) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    let mut open = false;
    for (line, text) in file.lines() {
        if let Some(number) = number_at_start(text, letter) {
            promises.push(Promise { number, line, text: text.to_owned() });
            open = true;
        } else if text.trim().is_empty() || text.starts_with(['#', '|', '-', '*']) {
            open = false;
        } else if let Some(promise) = promises.last_mut().filter(|_| open) {
            promise.text.push(' ');
            promise.text.push_str(text);
        }
    }
    promises
}

/// The number in `**I7** …`, `- **I7 …` or `| I7 | …`.
fn number_at_start(text: &str, letter: char) -> Option<usize> {
    let label = text.trim_start_matches(['-', '*', '|', ' ']);
    let opening = &text[..text.len() - label.len()];
    if !opening.contains("**") && !opening.contains('|') {
        return None;
    }
    let digits = label.strip_prefix(letter)?;
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    let whole = !digits[end..].starts_with(code::in_word);
    digits[..end].parse().ok().filter(|_| whole)
}

/// The tests of the tree: functions marked as such, and whatever the suites consist of.
fn test_names(tree: &Tree) -> BTreeSet<&str> {
    let functions =
        tree.rust().flat_map(|file| functions::of(file).into_iter().map(move |function| (file, function)));
    let tests = functions.filter(|(file, function)| function.is_test || file.path().starts_with("tests/"));
    tests.map(|(_, function)| function.name).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, passes};
    use super::*;

    const TESTS: (&str, &str) = ("crates/a/src/lib.rs", "#[test]\nfn counts_add_up() {}\nfn no_test() {}");
    const LIVE: (&str, &str) = ("tests/live/tests/live.rs", "fn hard_abort() {}");

    fn contract(rules: usize) -> String {
        (1..=rules).map(|rule| format!("- **R{rule} name.** Words\n  and `hard_abort`.\n")).collect()
    }

    #[test]
    fn promises_with_tests_pass_in_each_shape() {
        let architecture = "# A\n\n**I1** `Pending` adds\nup (`laws::counts_add_up`).\n- **I2** Tests: `hard_abort()`, `counts_add_up`\n| I3 | `hard_abort` |\n";
        passes(&RULE, &[TESTS, LIVE, ("ARCHITECTURE.md", architecture), ("docs/contract.md", &contract(13))]);
    }

    #[test]
    fn promises_without_tests_do_not() {
        let architecture = "**I1** `no_test`\n\n`counts_add_up`\n**I3** Tests: `hard_abort`, `renamed`\n";
        let files = [TESTS, LIVE, ("ARCHITECTURE.md", architecture), ("docs/contract.md", &contract(12))];
        assert_eq!(
            findings(&RULE, &files),
            [
                "ARCHITECTURE.md:1: I1 names no test that exists",
                "ARCHITECTURE.md:1: there is no I2",
                "ARCHITECTURE.md:4: I3: there is no test renamed",
                "docs/contract.md:1: there is no R13",
            ]
        );
    }

    #[test]
    fn a_missing_document_is_a_finding() {
        assert_eq!(
            findings(&RULE, &[TESTS]),
            ["ARCHITECTURE.md:1: is missing", "docs/contract.md:1: is missing"]
        );
    }

    #[test]
    fn a_mention_is_no_promise() {
        for text in ["I7 is one", "**I7a**", "**Is** it", "- I7"] {
            assert_eq!(number_at_start(text, 'I'), None, "{text}");
        }
    }
}
