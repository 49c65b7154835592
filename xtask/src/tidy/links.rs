//! Whether the links between the documents lead somewhere.

use super::findings::{Finding, Rule};
use super::tree::{File, Tree};

pub(crate) const RULE: Rule = Rule {
    reason: "a link to a file of the repository resolves: readers follow them, and files move",
    check,
};

fn check(tree: &Tree) -> Vec<Finding> {
    let links = tree.ending(".md").flat_map(|file| links(file).map(move |(line, link)| (file, line, link)));
    let dead = links.filter(|(file, _, link)| resolved(file, link).is_some_and(|path| !tree.has(&path)));
    dead.map(|(file, line, link)| Finding::new(file, line, format!("{link} is not there"))).collect()
}

/// The targets of links, outside of code.
fn links(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    let prose = file.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    });
    prose.flat_map(|(number, line)| targets(line).map(move |target| (number, target)))
}

/// The targets in `[text](target "title")` and `[name]: target`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let definition = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    let definition = definition.map(|(_, target)| target);
    let inline =
        line.match_indices("](").filter(|(at, _)| line[..*at].matches('`').count().is_multiple_of(2));
    let inline = inline.filter_map(|(at, mark)| line[at + mark.len()..].split(')').next());
    definition.into_iter().chain(inline).filter_map(|target| target.split_whitespace().next())
}

/// The path in the tree that a link means, if it means one.
fn resolved(file: &File, link: &str) -> Option<String> {
    let path = link.trim_matches(['<', '>']).split(['#', '?']).next()?;
    if let Some(own) = path.strip_prefix(ON_THE_WEB) {
        return Some(own.to_owned());
    }
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
        return None;
    }
    if let Some(absolute) = path.strip_prefix('/') {
        return Some(absolute.to_owned());
    }
    let directory = file.path().rsplit_once('/').map_or("", |(directory, _)| directory);
    Some(format!("./{directory}/{path}").replace("//", "/"))
}

/// How pages that are shown elsewhere too (in a registry, on docs.rs) name a file of the repository.
const ON_THE_WEB: &str = "https://github.com/pgnudge/pgnudge/blob/main/";

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, passes};
    use super::*;

    #[test]
    fn links_that_lead_somewhere_pass() {
        let readme = "[a](docs/a.md#part) ![b](<docs/b.svg> \"title\") [c](https://x.example/y) [d](#here)\n[e]: docs\n`[f](gone.md)`\n```\n[g](gone.md)\n```\n";
        let back = "[up](../README.md), [root](/README.md), [web](https://github.com/pgnudge/pgnudge/blob/main/README.md)";
        passes(&RULE, &[("README.md", readme), ("docs/a.md", back), ("docs/b.svg", "")]);
    }

    #[test]
    fn dead_links_do_not() {
        let text = "ok\n[a](README.md) and [b](b.md#x)\n[c]: ../c.md\n[d](https://github.com/pgnudge/pgnudge/blob/main/d.md)";
        let found = findings(&RULE, &[("README.md", ""), ("docs/a.md", text)]);
        assert_eq!(
            found,
            [
                "docs/a.md:2: README.md is not there",
                "docs/a.md:2: b.md#x is not there",
                "docs/a.md:3: ../c.md is not there",
                "docs/a.md:4: https://github.com/pgnudge/pgnudge/blob/main/d.md is not there",
            ]
        );
    }
}
