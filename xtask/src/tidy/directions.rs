//! Which crate may depend on which.

use super::findings::{Finding, Rule};
use super::tree::{File, Tree};

pub(crate) const LAYERS: Rule = Rule {
    reason: "the crates depend downwards only: pgnudge-cli, pgnudge, nudge-engine, then nudge-decode \
             and nudge-proto, which know nothing of each other. So that each can be read, tested and \
             replaced without the ones above it",
    check: layers,
};

pub(crate) const NO_DRIVER: Rule = Rule {
    reason: "no database driver at run time: the product speaks the protocol itself, and its users \
             choose their driver and its version",
    check: drivers,
};

/// The layers from the top down. The crates of one layer do not know each other.
const ORDER: [&[&str]; 4] =
    [&["pgnudge-cli"], &["pgnudge"], &["nudge-engine"], &["nudge-decode", "nudge-proto"]];

/// Whatever can talk to a database, or a piece of such a thing.
const DRIVERS: [&str; 16] = [
    "tokio-postgres",
    "postgres",
    "postgres-protocol",
    "postgres-types",
    "deadpool-postgres",
    "bb8-postgres",
    "sqlx",
    "sqlx-core",
    "sqlx-postgres",
    "sea-orm",
    "diesel",
    "diesel-async",
    "pgwire",
    "pgwire-replication",
    "pg_walstream",
    "pq-sys",
];

fn layers(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (manifest, name) in manifests(tree) {
        let Some(layer) = layer_of(name) else {
            findings.push(Finding::new(
                manifest,
                1,
                format!("{name} has no layer yet (xtask/src/tidy/directions.rs)"),
            ));
            continue;
        };
        for (line, dependency) in runtime_dependencies(manifest) {
            let ours = tree.has(&format!("crates/{dependency}")) || dependency.starts_with("pgnudge-");
            let below = layer_of(&dependency).is_some_and(|other| other > layer);
            if ours && !below {
                findings.push(Finding::new(manifest, line, format!("{name} depends on {dependency}")));
            }
        }
    }
    findings
}

fn drivers(tree: &Tree) -> Vec<Finding> {
    let found = manifests(tree).flat_map(|(manifest, name)| {
        let dependencies = runtime_dependencies(manifest).into_iter();
        let drivers = dependencies.filter(|(_, dependency)| DRIVERS.contains(&dependency.as_str()));
        drivers.map(move |(line, driver)| {
            Finding::new(manifest, line, format!("{name} depends on the driver {driver}"))
        })
    });
    found.collect()
}

/// The published crates: their manifests, and their names, which are their directories'.
fn manifests(tree: &Tree) -> impl Iterator<Item = (&File, &str)> {
    tree.ending("/Cargo.toml").filter_map(|file| {
        let name = file.path().strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some((file, name))
    })
}

fn layer_of(name: &str) -> Option<usize> {
    ORDER.iter().position(|layer| layer.contains(&name))
}

/// What a manifest lists under `dependencies` and `build-dependencies`, for any target, with
/// the line. A renamed one counts under both names.
fn runtime_dependencies(manifest: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut section = Section::Other;
    for (number, line) in manifest.lines() {
        let line = line.trim();
        if line.starts_with('[') {
            section = Section::of(line.trim_matches(['[', ']']));
            if let Section::Table(name) = section {
                found.push((number, unquoted(name)));
            }
            continue;
        }
        let Some((key, _)) = line.split_once('=').filter(|_| section != Section::Other) else { continue };
        if section == Section::List {
            found.push((number, unquoted(key.split('.').next().unwrap_or(key))));
        }
        let real_name = line.split_once("package = \"").and_then(|(_, name)| name.split('"').next());
        found.extend(real_name.map(|name| (number, name.to_owned())));
    }
    found
}

/// A section of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section<'a> {
    /// One dependency per line.
    List,
    /// One dependency, of that name.
    Table(&'a str),
    /// Neither, or for tests alone.
    Other,
}

impl<'a> Section<'a> {
    fn of(header: &'a str) -> Self {
        let Some((before, name)) = header.rsplit_once("dependencies") else { return Self::Other };
        match name.strip_prefix('.') {
            _ if before.ends_with("dev-") => Self::Other,
            Some(name) => Self::Table(name),
            None => Self::List,
        }
    }
}

fn unquoted(name: &str) -> String {
    name.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture::{findings, holds, passes};
    use super::*;

    const PROTO: (&str, &str) = ("crates/nudge-proto/Cargo.toml", "[dependencies]\nbytes.workspace = true\n");

    #[test]
    fn crates_point_down_only() {
        holds(&LAYERS);
        holds(&NO_DRIVER);
    }

    #[test]
    fn downwards_is_fine() {
        let engine = "[dependencies]\nnudge-proto.workspace = true\ntokio = \"1\"\n[dev-dependencies]\ntokio-postgres = \"0.7\"\npgnudge-testkit.workspace = true\n";
        let files = [PROTO, ("crates/nudge-engine/Cargo.toml", engine)];
        passes(&LAYERS, &files);
        passes(&NO_DRIVER, &files);
    }

    #[test]
    fn upwards_sideways_and_into_the_tests_is_not() {
        let decode = "[package]\nname = \"nudge-decode\"\n[dependencies]\nnudge-proto = { path = \"../nudge-proto\" }\n";
        let cli = "[dependencies.pgnudge-testkit]\nworkspace = true\n";
        let pgnudge = "[build-dependencies]\npgnudge-cli.workspace = true\n";
        let files = [
            PROTO,
            ("crates/nudge-decode/Cargo.toml", decode),
            ("crates/pgnudge-cli/Cargo.toml", cli),
            ("crates/pgnudge/Cargo.toml", pgnudge),
        ];
        assert_eq!(
            findings(&LAYERS, &files),
            [
                "crates/nudge-decode/Cargo.toml:4: nudge-decode depends on nudge-proto",
                "crates/pgnudge-cli/Cargo.toml:1: pgnudge-cli depends on pgnudge-testkit",
                "crates/pgnudge/Cargo.toml:2: pgnudge depends on pgnudge-cli",
            ]
        );
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        let found = findings(&LAYERS, &[("crates/nudge-extra/Cargo.toml", "")]);
        assert_eq!(
            found,
            ["crates/nudge-extra/Cargo.toml:1: nudge-extra has no layer yet (xtask/src/tidy/directions.rs)"]
        );
    }

    #[test]
    fn a_driver_is_found_behind_a_target_and_behind_another_name() {
        let manifest = "[target.'cfg(unix)'.dependencies]\npq = { package = \"pq-sys\", version = \"0.7\" }\n[dependencies.pg]\npackage = \"tokio-postgres\"\n";
        let found = findings(&NO_DRIVER, &[("crates/pgnudge/Cargo.toml", manifest)]);
        assert_eq!(
            found,
            [
                "crates/pgnudge/Cargo.toml:2: pgnudge depends on the driver pq-sys",
                "crates/pgnudge/Cargo.toml:4: pgnudge depends on the driver tokio-postgres",
            ]
        );
    }
}
