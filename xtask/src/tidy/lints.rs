//! Whether the workspace's lints reach every member.

use super::findings::{Finding, Rule};
use super::tree::Tree;

pub(crate) const RULE: Rule = Rule {
    reason: "every member takes the workspace's lints, and nobody may hold a lock across an await: cargo \
             says nothing about a member that leaves `[lints] workspace = true` out",
    check,
};

const NO_LOCK_ACROSS_AN_AWAIT: &str = "await_holding_lock = \"deny\"";

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !tree
        .file("Cargo.toml")
        .is_some_and(|file| file.lines().any(|(_, line)| line == NO_LOCK_ACROSS_AN_AWAIT))
    {
        findings.push(Finding::at("Cargo.toml", 1, format!("has no {NO_LOCK_ACROSS_AN_AWAIT}")));
    }
    let rooms = ["crates/", "tests/", "xtask/"];
    let members =
        tree.ending("/Cargo.toml").filter(|file| rooms.iter().any(|room| file.path().starts_with(room)));
    let lax = members.filter(|file| !file.text().contains("[lints]\nworkspace = true"));
    findings.extend(lax.map(|file| Finding::new(file, 1, "does not say `[lints] workspace = true`")));
    for file in tree.rust() {
        let exceptions =
            (1..).zip(file.code().lines()).filter(|(_, line)| line.contains("await_holding_lock"));
        findings
            .extend(exceptions.map(|(line, _)| Finding::new(file, line, "makes an exception for a lock")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, holds, passes};
    use super::*;

    const ROOT: (&str, &str) = ("Cargo.toml", "[workspace.lints.clippy]\nawait_holding_lock = \"deny\"\n");

    #[test]
    fn no_lock_across_an_await() {
        holds(&RULE);
    }

    #[test]
    fn members_with_the_lints_pass() {
        let files = [ROOT, ("crates/a/Cargo.toml", "[lints]\nworkspace = true\n"), ("fuzz/Cargo.toml", "")];
        passes(&RULE, &files);
    }

    #[test]
    fn a_member_without_them_and_an_exception_do_not() {
        let exception = "#[allow(clippy::await_holding_lock)]";
        let files =
            [("Cargo.toml", ""), ("tests/a/Cargo.toml", "[dependencies]"), ("tests/a/src/lib.rs", exception)];
        assert_eq!(
            findings(&RULE, &files),
            [
                "Cargo.toml:1: has no await_holding_lock = \"deny\"",
                "tests/a/Cargo.toml:1: does not say `[lints] workspace = true`",
                "tests/a/src/lib.rs:1: makes an exception for a lock",
            ]
        );
    }
}
