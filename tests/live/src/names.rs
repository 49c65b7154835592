//! Arbitrary names of schemas and tables (manual, "Identifiers and Key Words"): up to 63 bytes of
//! anything but the zero character, and of schemas not what begins with `pg_`.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::Failure;

/// Checks so many pairs of names of a schema and a table. When one fails, simpler ones are tried, and
/// the simplest that fails is in the failure, with the seed.
pub(crate) fn check(
    seed: u64,
    times: u32,
    check: impl Fn(&str, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config =
        Config { cases: times, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let schema = name().prop_filter("reserved", |name| !name.starts_with("pg_"));
    let pair = (schema, name()).prop_filter("ambiguous", |(schema, table)| !is_ambiguous(schema, table));
    let checked = runner.run(&pair, |(schema, table)| {
        check(&schema, &table).map_err(|failure| TestCaseError::fail(failure.to_string()))
    });
    checked.map_err(|error| match error {
        TestError::Fail(why, names) => Failure::new(format!("seed {seed}: names {names:?}: {why}")),
        TestError::Abort(why) => Failure::new(format!("seed {seed}: {why}")),
    })
}

/// wal2json's warning about a table without a key does not double the quotes in a name. Where it can be
/// read in two ways it is a Resync (rule R8), and there is nothing to compare.
fn is_ambiguous(schema: &str, table: &str) -> bool {
    let printed = format!("\"{schema}\".\"{table}\"");
    printed.as_bytes().windows(3).filter(|three| three == b"\".\"").count() > 1
}

/// A name; what separates and quotes comes more often than the rest of Unicode.
fn name() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        prop::sample::select(SPECIAL),
        proptest::char::range('\u{1}', '\u{7e}'),
        any::<char>().prop_filter("no name has it", |c| *c != '\0'),
    ];
    let characters = prop::collection::vec(character, 1..30);
    characters.prop_map(String::from_iter).prop_filter("too long", |name| name.len() <= 63)
}

const SPECIAL: &[char] =
    &['"', '\'', '.', ',', ':', ' ', '\\', '[', ']', '(', '{', '\n', '*', '%', 'ü', '表'];

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn they_are_names_and_a_seed_means_the_same_ones() {
        let names = |seed| {
            let seen = RefCell::new(Vec::new());
            let note = |schema: &str, table: &str| {
                assert!(
                    [schema, table].iter().all(|name| (1..=63).contains(&name.len()) && !name.contains('\0'))
                );
                seen.borrow_mut().push((schema.to_owned(), table.to_owned()));
                Ok(())
            };
            check(seed, 50, note).unwrap();
            seen.into_inner()
        };
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
    }

    #[test]
    fn the_simplest_that_fails_is_told() {
        let quotes = |_: &str, table: &str| match table.contains('"') {
            true => Err(Failure::new("a quote")),
            false => Ok(()),
        };
        let failure = check(1, 500, quotes).unwrap_err().to_string();
        assert!(failure.starts_with("seed 1: names (") && failure.contains(r#""\"""#), "{failure}");
    }
}
