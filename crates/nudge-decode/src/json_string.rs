//! JSON's notation of a name (RFC 8259, section 7), as the server's `escape_json` writes it.

use crate::{
    ServerEncoding, Unreadable,
    head::{Grammar, Parsed, incomplete, mismatch, name, unreadable},
};
use alloc::{borrow::Cow, string::String};
use memchr::memchr2_iter;

/// Reads a string that is a name, in the middle of a message.
pub(crate) fn json_name<'a>(encoding: ServerEncoding) -> impl Grammar<'a, Cow<'a, str>> {
    move |input: &'a [u8]| json_name_in(input, encoding)
}

fn json_name_in(input: &[u8], encoding: ServerEncoding) -> Parsed<'_, Cow<'_, str>> {
    let (rest, literal) = json_literal(input)?;
    let text = name(literal.inside, encoding)?;
    if !literal.escaped {
        return Ok((rest, text));
    }
    let text = unescape(&text).ok_or_else(|| unreadable(Unreadable::Grammar))?;
    Ok((rest, Cow::Owned(text)))
}

/// A string as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Literal<'a> {
    /// The text between the quotes, whatever its encoding.
    pub(crate) inside: &'a [u8],
    /// There is a backslash in it.
    escaped: bool,
}

impl<'a> Literal<'a> {
    /// The text that it stands for.
    pub(crate) fn text(self, encoding: ServerEncoding) -> Result<Cow<'a, str>, Unreadable> {
        let text = encoding.text(self.inside)?;
        if !self.escaped {
            return Ok(text);
        }
        unescape(&text).map(Cow::Owned).ok_or(Unreadable::Grammar)
    }
}

/// Finds the end of a string.
pub(crate) fn json_literal(input: &[u8]) -> Parsed<'_, Literal<'_>> {
    let (quote, text) = input.split_first().ok_or_else(incomplete)?;
    if *quote != b'"' {
        return Err(mismatch());
    }
    let mut stops = memchr2_iter(b'"', b'\\', text);
    let mut escaped = false;
    loop {
        let at = stops.next().ok_or_else(incomplete)?;
        let (inside, stop) = text.split_at_checked(at).ok_or_else(incomplete)?;
        match stop {
            [b'"', rest @ ..] => return Ok((rest, Literal { inside, escaped })),
            // The escaped quote or backslash is no stop of its own.
            [_, b'"' | b'\\', ..] => _ = stops.next(),
            _ => {}
        }
        escaped = true;
    }
}

/// The text that `raw` stands for, unless an escape in it is none of JSON's.
fn unescape(mut raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    while let Some((plain, escape)) = raw.split_once('\\') {
        text.push_str(plain);
        let (character, rest) = character(escape)?;
        text.push(character);
        raw = rest;
    }
    text.push_str(raw);
    Some(text)
}

/// The character that an escape stands for; `escape` begins after the backslash.
fn character(escape: &str) -> Option<(char, &str)> {
    let mut characters = escape.chars();
    let character = match characters.next()? {
        literal @ ('"' | '\\' | '/') => literal,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return utf16(characters.as_str()),
        _ => return None,
    };
    Some((character, characters.as_str()))
}

/// `XXXX`, or a surrogate pair `XXXX\uXXXX`.
fn utf16(digits: &str) -> Option<(char, &str)> {
    let (unit, rest) = unit(digits)?;
    if let Some(character) = char::from_u32(unit.into()) {
        return Some((character, rest));
    }
    let (low, rest) = self::unit(rest.strip_prefix("\\u")?)?;
    let character = char::decode_utf16([unit, low]).next()?.ok()?;
    Some((character, rest))
}

/// Four hexadecimal digits.
fn unit(digits: &str) -> Option<(u16, &str)> {
    let (unit, rest) = digits.split_at_checked(4)?;
    // from_str_radix alone would take a sign for a digit.
    let hexadecimal = unit.bytes().all(|digit| digit.is_ascii_hexdigit());
    let unit = u16::from_str_radix(unit, 16).ok().filter(|_| hexadecimal)?;
    Some((unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::read;

    fn check(input: &str, expected: Result<&str, Unreadable>) {
        let read = read(json_name(ServerEncoding::UTF8), input.as_bytes(), false);
        assert_eq!(read.as_deref(), expected.as_ref().map(|name| *name), "{input}");
    }

    #[test]
    fn reads_every_escape() {
        check(r#""orders","#, Ok("orders"));
        check(r#""a\"b\\c\/d","#, Ok("a\"b\\c/d"));
        check(r#""\b\f\n\r\t","#, Ok("\u{8}\u{c}\n\r\t"));
        check(r#""\u001f\u00e4\uD83E\uDDC0","#, Ok("\u{1f}ä🧀"));
        check(r#""ends with \\","#, Ok("ends with \\"));
    }

    #[test]
    fn refuses_what_is_no_name() {
        for input in ["", "a", "\"open", r#""open\""#, r#""","#, r#""\x","#, r#""\u12","#] {
            check(input, Err(Unreadable::Grammar));
        }
        for lonely in [r#""\ud83e","#, r#""\udd00","#, r#""\ud83e\u0041","#, r#""\u+123","#] {
            check(lonely, Err(Unreadable::Grammar));
        }
        assert_eq!(read(json_name(ServerEncoding::UTF8), b"\"\xff\",", false), Err(Unreadable::NotText));
    }

    #[test]
    fn borrows_unless_something_is_escaped() {
        let borrowed = |input: &'static str| {
            matches!(read(json_name(ServerEncoding::UTF8), input.as_bytes(), false), Ok(Cow::Borrowed(_)))
        };
        assert!(borrowed(r#""Käse 🧀","#));
        assert!(!borrowed(r#""a\tb","#));
    }
}
