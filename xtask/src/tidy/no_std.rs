//! Which crates do without std.

use super::findings::{Finding, Rule};
use super::tree::Tree;

pub(crate) const RULE: Rule = Rule {
    reason: "nudge-proto and nudge-decode are #![no_std]: so the compiler sees to it that no socket, \
             clock or thread gets in",
    check,
};

const CRATES: [&str; 2] = ["nudge-proto", "nudge-decode"];

fn check(tree: &Tree) -> Vec<Finding> {
    let roots = CRATES.map(|name| format!("crates/{name}/src/lib.rs")).into_iter();
    // Under a condition, such as `cfg_attr(not(test), no_std)`, it would hold for some builds.
    let with_std =
        roots.filter(|path| !tree.file(path).is_some_and(|file| file.code().contains("#![no_std]")));
    with_std.map(|path| Finding::at(path, 1, "is not #![no_std]")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, holds, passes};
    use super::*;

    const PROTO: (&str, &str) = ("crates/nudge-proto/src/lib.rs", "//! Doc.\n#![no_std]\n");

    #[test]
    fn proto_and_decode_are_no_std() {
        holds(&RULE);
    }

    #[test]
    fn both_say_it() {
        passes(&RULE, &[PROTO, ("crates/nudge-decode/src/lib.rs", "#![no_std]")]);
    }

    #[test]
    fn a_comment_or_a_condition_is_not_enough() {
        for text in ["// #![no_std]", "#![cfg_attr(not(test), no_std)]"] {
            let found = findings(&RULE, &[PROTO, ("crates/nudge-decode/src/lib.rs", text)]);
            assert_eq!(found, ["crates/nudge-decode/src/lib.rs:1: is not #![no_std]"]);
        }
    }
}
