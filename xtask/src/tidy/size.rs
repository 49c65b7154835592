//! How long a function and a file may be.

use super::findings::{Finding, Rule};
use super::functions;
use super::tree::{File, Tree};

pub(crate) const RULE: Rule = Rule {
    reason: "no function over 80 lines and no file over 450: a longer one has more than one idea inside \
             (half of the functions have at most 8 lines, half of the files at most 160)",
    check,
};

const MAX_FUNCTION: usize = 80;
const MAX_FILE: usize = 450;

fn check(tree: &Tree) -> Vec<Finding> {
    let ours =
        tree.rust().filter(|file| ["crates/", "xtask/"].iter().any(|room| file.path().starts_with(room)));
    ours.flat_map(|file| too_long(file).into_iter().chain(too_long_functions(file))).collect()
}

fn too_long(file: &File) -> Option<Finding> {
    let lines = file.text().lines().count();
    (lines > MAX_FILE).then(|| Finding::new(file, MAX_FILE + 1, format!("the file has {lines} lines")))
}

fn too_long_functions(file: &File) -> impl Iterator<Item = Finding> {
    let long = functions::of(file).into_iter().filter(|function| function.length > MAX_FUNCTION);
    long.map(move |function| {
        Finding::new(file, function.line, format!("{} has {} lines", function.name, function.length))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, passes};
    use super::*;

    fn function(lines: usize) -> String {
        format!("//! Doc.\nfn long() {{\n{}}}\n", "x();\n".repeat(lines - 2))
    }

    #[test]
    fn at_the_limit_is_fine_and_the_suites_may_be_longer() {
        let file = "\n".repeat(450);
        passes(
            &RULE,
            &[
                ("crates/a/src/lib.rs", &function(80)),
                ("xtask/src/main.rs", &file),
                ("tests/live/x.rs", &function(90)),
            ],
        );
    }

    #[test]
    fn one_line_more_is_not() {
        let file = "\n".repeat(451);
        assert_eq!(
            findings(&RULE, &[("crates/a/src/lib.rs", &function(81)), ("xtask/src/main.rs", &file)]),
            ["crates/a/src/lib.rs:2: long has 81 lines", "xtask/src/main.rs:451: the file has 451 lines"]
        );
    }
}
