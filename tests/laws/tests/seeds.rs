//! The laws hold for every seed of the fuzz targets: what they start from, and what they once found.

#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "helpers of tests, outside of any test function"
)]

use std::fs;
use std::path::{Path, PathBuf};

use pgnudge_laws::{LAWS, Law};

fn seeds_of(law: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = seeds().join(law);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let read = |path: PathBuf| (path.clone(), fs::read(path).expect("a seed"));
    entries.map(|entry| read(entry.expect("an entry").path())).collect()
}

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds")
}

fn replay((name, law): Law) {
    let seeds = seeds_of(name);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for (path, seed) in seeds {
        // The name of a seed that breaks it stands above the panic's message.
        eprintln!("{}", path.display());
        law(&seed);
    }
}

macro_rules! replayed {
    ($($law:ident)*) => {
        $(#[test]
        fn $law() {
            replay((stringify!($law), pgnudge_laws::$law));
        })*

        const REPLAYED: &[&str] = &[$(stringify!($law)),*];
    };
}

replayed! {
    startup scram query stream_split wal2json test_decoding row_prefix intake table_pattern
    connection_text login_files
}

/// No law and no seed is forgotten: one list here, one target and one directory per law there.
#[test]
fn every_law_has_a_target_seeds_and_a_replay() {
    let laws: Vec<&str> = LAWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(laws, REPLAYED);
    let names = |directory: &str, end: &str| {
        let directory = seeds().join("..").join(directory);
        let entries =
            fs::read_dir(directory).expect("fuzz/").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().replace(end, "")).collect();
        names.sort_unstable();
        names
    };
    let mut sorted = laws;
    sorted.sort_unstable();
    assert_eq!(names("seeds", ""), sorted);
    assert_eq!(names("fuzz_targets", ".rs"), sorted);
}
