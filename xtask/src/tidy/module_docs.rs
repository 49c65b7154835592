//! How a file introduces itself.

use super::findings::{Finding, Rule};
use super::tree::Tree;

pub(crate) const RULE: Rule = Rule {
    reason: "every Rust file opens with `//!` (a crate may open with its README): what it is, before how it \
             does it",
    check,
};

const OPENINGS: [&str; 2] = ["//! ", "#![doc = include_str!("];

fn check(tree: &Tree) -> Vec<Finding> {
    let silent = tree.rust().filter(|file| {
        let opening = file.text().lines().find(|line| !line.trim().is_empty());
        !opening.is_some_and(|line| OPENINGS.iter().any(|start| line.starts_with(start)))
    });
    silent.map(|file| Finding::new(file, 1, "does not open with `//!`")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, passes};
    use super::*;

    #[test]
    fn a_sentence_comes_first() {
        passes(&RULE, &[("a.rs", "//! What it is.\nuse b;\n"), ("b.rs", "\n//! What it is.\n")]);
        passes(&RULE, &[("lib.rs", "#![doc = include_str!(\"../README.md\")]\n")]);
    }

    #[test]
    fn an_attribute_an_item_or_nothing_does_not() {
        let files = [("a.rs", "#![no_std]\n//! Doc."), ("b.rs", "use a;"), ("c.rs", ""), ("d.rs", "//!\n")];
        assert_eq!(
            findings(&RULE, &files),
            ["a", "b", "c", "d"].map(|f| format!("{f}.rs:1: does not open with `//!`"))
        );
    }
}
