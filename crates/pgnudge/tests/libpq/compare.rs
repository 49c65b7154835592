//! One text, both answers.

use std::collections::BTreeMap;

use pgnudge::settings::{ConnectionText, KeyValueError, PercentError, TextError, UriError};

use crate::difference::{DIFFERENCES, Difference, Ours};
use crate::oracle::{Answer, Oracle};

/// Asserts that we and libpq agree on a text, or that a known difference explains it.
pub(crate) fn assert_agreement(text: &str, oracle: &mut Oracle) {
    let ours = ConnectionText::parse(text);
    let theirs = oracle.parse(text);
    if agree(&ours, &theirs) {
        return;
    }
    let known =
        |difference: &&Difference| oracle.major < difference.until && (difference.concerns)(text, &ours);
    let explained = DIFFERENCES.iter().find(known);
    assert!(explained.is_some(), "{text:?}\n  ours: {ours:?}\n  libpq: {theirs:?}");
}

/// The same values, or errors of the same kind.
pub(crate) fn agree(ours: &Ours, theirs: &Answer) -> bool {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
            ours.iter().map(owned).collect::<BTreeMap<_, _>>() == *theirs
        }
        (Err(ours), Err(theirs)) => theirs.contains(libpq_words(ours)),
        _ => false,
    }
}

/// What libpq's message says where we give this error.
fn libpq_words(error: &TextError) -> &'static str {
    match error {
        TextError::KeyValue(KeyValueError::MissingEquals { .. }) => "missing \"=\" after",
        TextError::KeyValue(KeyValueError::UnterminatedQuote { .. }) => "unterminated quoted string",
        TextError::UnknownKey(_) => "invalid ",
        TextError::Uri(error) => match error {
            UriError::UnclosedBracket => "looking for matching \"]\"",
            UriError::EmptyBracket => "may not be empty",
            UriError::AfterBracket { .. } => "unexpected character",
            UriError::ParameterWithoutEquals => "missing key/value separator",
            UriError::ParameterWithExtraEquals => "extra key/value separator",
            UriError::Percent(PercentError::Token { .. }) => "invalid percent-encoded token",
            UriError::Percent(PercentError::Nul { .. }) => "forbidden value %00",
            UriError::Percent(PercentError::Space { .. }) => "unexpected spaces",
            _ => "(libpq has no such error)",
        },
        _ => "(libpq has no such error)",
    }
}
