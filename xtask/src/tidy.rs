//! `cargo xtask tidy`: the rules of this project that the compiler cannot check.
//!
//! One file per rule under `tidy/`. A rule is a function from the tree to findings, and it
//! carries its reason, which is printed with them: a rule nobody can argue with is a bad rule.

mod citations;
mod clock;
mod code;
mod directions;
mod findings;
mod functions;
mod links;
mod lints;
mod module_docs;
mod no_std;
mod policy;
mod size;
mod tree;
mod words;

use crate::arguments::Arguments;
use crate::cargo;
use crate::command::Command;
use crate::failure::Failure;
use findings::{Finding, Rule};
use tree::Tree;

pub(crate) const COMMAND: Command = Command {
    name: "tidy",
    about: "checks what the compiler cannot: layers, size, cited tests, links",
    arguments: "",
    details: "It prints file:line and the reason of each rule that is broken.",
    run,
};

const RULES: [Rule; 12] = [
    directions::LAYERS,
    directions::NO_DRIVER,
    no_std::RULE,
    policy::RULE,
    clock::ONE_CLOCK,
    clock::ONE_RANDOMNESS,
    lints::RULE,
    words::RULE,
    module_docs::RULE,
    size::RULE,
    citations::RULE,
    links::RULE,
];

fn run(words: &[String]) -> Result<(), Failure> {
    Arguments::new(words).none()?;
    let tree = Tree::read(cargo::root()).map_err(|error| Failure::Task(error.to_string()))?;
    let broken: Vec<(&Rule, Vec<Finding>)> = RULES
        .iter()
        .map(|rule| (rule, (rule.check)(&tree)))
        .filter(|(_, findings)| !findings.is_empty())
        .collect();
    for (rule, findings) in &broken {
        eprintln!("\ntidy: {}", rule.reason);
        for finding in findings {
            eprintln!("{finding}");
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(Failure::Shown) }
}
