//! SQL's notation of a name: bare where that is safe, else in double quotes, which are doubled
//! within (PostgreSQL manual, 4.1.1 "Identifiers and Key Words").
//!
//! test_decoding prints names so (the server's `quote_identifier`), and users write them so.

use crate::{
    ServerEncoding,
    head::{Grammar, Parsed, incomplete, mismatch, name},
};
use alloc::borrow::Cow;
use core::fmt;
use memchr::memchr_iter;

/// Reads one identifier in the middle of a message.
pub(crate) fn identifier<'a>(encoding: ServerEncoding) -> impl Grammar<'a, Cow<'a, str>> {
    move |input: &'a [u8]| identifier_in(input, encoding)
}

fn identifier_in(input: &[u8], encoding: ServerEncoding) -> Parsed<'_, Cow<'_, str>> {
    match input.split_first() {
        None => Err(incomplete()),
        Some((b'"', text)) => quoted(text, encoding),
        Some((b'a'..=b'z' | b'_', _)) => bare(input, encoding),
        Some(_) => Err(mismatch()),
    }
}

/// Reads what follows an opening quote.
fn quoted(text: &[u8], encoding: ServerEncoding) -> Parsed<'_, Cow<'_, str>> {
    let quote = ClosingQuote::find(text).ok_or_else(incomplete)?;
    let (inside, rest) = text.split_at_checked(quote.at).ok_or_else(incomplete)?;
    // A message never ends with an identifier, so a quote at its end is half of a doubled one.
    let rest = rest.get(1..).filter(|rest| !rest.is_empty()).ok_or_else(incomplete)?;
    Ok((rest, quote.undouble(name(inside, encoding)?)))
}

/// What `quote_identifier` leaves unquoted, keywords aside.
fn bare(input: &[u8], encoding: ServerEncoding) -> Parsed<'_, Cow<'_, str>> {
    let end = input.iter().position(|byte| !is_bare(*byte)).ok_or_else(incomplete)?;
    let (text, rest) = input.split_at_checked(end).ok_or_else(incomplete)?;
    Ok((rest, name(text, encoding)?))
}

fn is_bare(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

/// Where a quoted identifier ends.
pub(crate) struct ClosingQuote {
    /// Offset in the text that follows the opening quote.
    pub(crate) at: usize,
    /// There are doubled quotes before it.
    doubled: bool,
}

impl ClosingQuote {
    /// Finds the first quote in `text` that is not one of a doubled pair.
    pub(crate) fn find(text: &[u8]) -> Option<Self> {
        let mut quotes = memchr_iter(b'"', text);
        let mut doubled = false;
        loop {
            let at = quotes.next()?;
            if text.get(at + 1) != Some(&b'"') {
                return Some(Self { at, doubled });
            }
            doubled = true;
            quotes.next();
        }
    }

    /// The name that `inside`, the text up to the closing quote, stands for.
    pub(crate) fn undouble<'a>(&self, inside: Cow<'a, str>) -> Cow<'a, str> {
        if self.doubled { Cow::Owned(inside.replace("\"\"", "\"")) } else { inside }
    }
}

/// Writes a name, quoted if it needs to be.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name) = *self;
        let starts_bare = name.starts_with(|first: char| !first.is_ascii_digit());
        if starts_bare && name.bytes().all(is_bare) {
            f.write_str(name)
        } else {
            write!(f, "\"{}\"", name.replace('"', "\"\""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Unreadable, head::read};
    use alloc::string::ToString;

    fn check(input: &str, expected: Result<&str, Unreadable>) {
        let read = read(identifier(ServerEncoding::UTF8), input.as_bytes(), false);
        assert_eq!(read.as_deref(), expected.as_ref().map(|name| *name), "{input}");
    }

    #[test]
    fn reads_both_notations() {
        check("orders.", Ok("orders"));
        check("_a1.", Ok("_a1"));
        check("\"orders\".", Ok("orders"));
        check("\"We.ird\".", Ok("We.ird"));
        check("\"say \"\"hi\"\"\".", Ok("say \"hi\""));
        check("\"\"\"\".", Ok("\""));
    }

    #[test]
    fn refuses_what_is_no_identifier() {
        for input in ["", "orders", "\"orders\"", "\"open", "1st.", "Orders.", ".", "\"\"."] {
            check(input, Err(Unreadable::Grammar));
        }
        assert_eq!(read(identifier(ServerEncoding::UTF8), b"\"\xff\".", false), Err(Unreadable::NotText));
    }

    #[test]
    fn borrows_unless_a_quote_is_doubled() {
        let borrowed = |input: &'static str| {
            matches!(read(identifier(ServerEncoding::UTF8), input.as_bytes(), false), Ok(Cow::Borrowed(_)))
        };
        assert!(borrowed("orders."));
        assert!(borrowed("\"We.ird\"."));
        assert!(!borrowed("\"a\"\"b\"."));
    }

    #[test]
    fn quotes_only_where_needed() {
        for (name, written) in [
            ("orders", "orders"),
            ("_a1", "_a1"),
            ("1st", "\"1st\""),
            ("Orders", "\"Orders\""),
            ("*", "\"*\""),
            ("a\"b", "\"a\"\"b\""),
            ("käse", "\"käse\""),
        ] {
            assert_eq!(Quoted(name).to_string(), written);
        }
    }
}
