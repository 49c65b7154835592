//! Words that do not belong into a finished tree.

use super::code;
use super::findings::{Finding, Rule};
use super::tree::{File, Tree};

pub(crate) const RULE: Rule = Rule {
    reason: "no unsafe code (the lint can be allowed, this cannot), no test that is switched off, and no \
             note to do later: what is missing is an issue",
    check,
};

/// In pieces, so that this file does not break its own rule.
const LATER: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        let code = code::lines_with(file.code(), "unsafe").into_iter().map(|line| (line, "unsafe"));
        let ignored = ignored_tests(file).map(|line| (line, "a test is switched off"));
        let later = file.lines().flat_map(|(line, text)| {
            LATER.iter().filter(|word| code::has_word(text, word)).map(move |word| (line, *word))
        });
        findings.extend(code.chain(ignored).chain(later).map(|(line, what)| Finding::new(file, line, what)));
    }
    findings
}

/// The lines with an attribute `ignore`, alone or behind a condition.
fn ignored_tests(file: &File) -> impl Iterator<Item = usize> {
    let attributes = (1..).zip(file.code().lines()).filter(|(_, line)| line.trim_start().starts_with("#["));
    attributes.filter(|(_, line)| code::has_word(line, "ignore")).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, passes};
    use super::*;

    #[test]
    fn words_about_these_words_are_fine() {
        let text =
            "#![forbid(unsafe_code)]\n// Nothing unsafe, no test to ignore.\nlet x = \"unsafe\"; ignore(x);";
        passes(&RULE, &[("crates/pgnudge/src/lib.rs", text), ("docs/a.md", "mastodons and unsafe things")]);
    }

    #[test]
    fn the_words_themselves_are_not() {
        let attribute = concat!("#[ign", "ore = \"slow\"]");
        let text =
            format!("unsafe {{}}\n{attribute}\n#[cfg_attr(windows, ignore)]\n// {}: later\n", LATER[0]);
        let found = findings(&RULE, &[("tests/live/src/lib.rs", &text), (".ci/run", LATER[1])]);
        assert_eq!(
            found,
            [
                format!(".ci/run:1: {}", LATER[1]),
                "tests/live/src/lib.rs:1: unsafe".to_owned(),
                "tests/live/src/lib.rs:2: a test is switched off".to_owned(),
                "tests/live/src/lib.rs:3: a test is switched off".to_owned(),
                format!("tests/live/src/lib.rs:4: {}", LATER[0]),
            ]
        );
    }
}
