//! The table of keywords against libpq's own.

use std::collections::BTreeMap;

use pgnudge::settings::KEYWORDS;

use crate::oracle::oracle;

#[test]
fn names_and_variables_are_libpqs() {
    let Some(mut oracle) = oracle() else { return };
    let known = KEYWORDS.iter().filter(|keyword| keyword.since <= oracle.major);
    let variable = |variable: Option<&str>| variable.map(str::to_owned);
    let ours: BTreeMap<_, _> =
        known.map(|keyword| (keyword.name.to_owned(), variable(keyword.variable))).collect();
    let mut theirs = oracle.keywords();
    if oracle.major > NEWEST_KNOWN {
        theirs.retain(|name, _| ours.contains_key(name));
    }
    assert_eq!(ours, theirs);
}

/// What a later libpq adds is not a failure of this test.
const NEWEST_KNOWN: u8 = 19;
