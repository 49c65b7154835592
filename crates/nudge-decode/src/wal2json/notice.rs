//! The changes that wal2json leaves out, and the warnings that it raises instead (rule R8).
//!
//! ```text
//! no tuple identifier for UPDATE in table "public"."keyless"
//! ```
//! A warning arrives as a NoticeResponse within the stream; this reads its message, the field
//! `M`. It is never translated. The names in it are quoted but not escaped.

use crate::{
    Decoded, Decoder, ServerEncoding, TableRef, Unreadable,
    head::{Grammar, Parsed, literal, name, read, rest, unreadable},
};
use nom::{
    Parser,
    branch::alt,
    bytes::take_until,
    combinator::{self, success},
    sequence::preceded,
};

/// Reads the message of one notice.
pub(crate) fn decode_notice<'a>(decoder: &Decoder, message: &'a [u8], cut: bool) -> Decoded<'a> {
    read(notice(decoder.encoding), message, cut).unwrap_or_else(Decoded::Unreadable)
}

/// Once a notice speaks of a lost change, it is a change or unreadable, never silent.
fn notice<'a>(encoding: ServerEncoding) -> impl Grammar<'a, Decoded<'a>> {
    let table = table(encoding).map(|table| Decoded::Change(table.into()));
    alt((
        preceded(lost_change(), combinator::cut(table)),
        lost_change_without_schema(),
        success(()).map(|()| Decoded::Silent),
    ))
}

/// The beginning of every warning about a change.
///
/// After `no old tuple data` the change may be printed nevertheless, on a path that no healthy
/// server takes: one count too many is better than one change too few.
fn lost_change<'a>() -> impl Grammar<'a, ()> {
    let what = alt((
        literal(b"no tuple identifier for "),
        literal(b"no tuple data for "),
        literal(b"no old tuple data for "),
    ));
    what.map(|_| ())
}

/// `UPDATE in table "public"."keyless"`, to the end of the message.
fn table<'a>(encoding: ServerEncoding) -> impl Grammar<'a, TableRef<'a>> {
    let action = alt((literal(b"INSERT"), literal(b"UPDATE"), literal(b"DELETE")));
    let names = rest().and_then(move |text| names(text, encoding));
    preceded((action, literal(b" in table \"")), names)
}

/// `public"."keyless"`: the names up to the last quote.
///
/// A name may hold `"."` itself. Then there are several ways to tell schema and table apart,
/// and none of them is better than the others.
fn names(text: &[u8], encoding: ServerEncoding) -> Parsed<'_, TableRef<'_>> {
    const BETWEEN: &[u8] = b"\".\"";
    let quoted = text.strip_suffix(b"\"").ok_or_else(|| unreadable(Unreadable::Grammar))?;
    let mut splits = (1..quoted.len()).filter_map(|at| {
        let (schema, rest) = quoted.split_at_checked(at)?;
        let table = rest.strip_prefix(BETWEEN)?;
        (!table.is_empty()).then_some((schema, table))
    });
    let (schema, table) = splits.next().ok_or_else(|| unreadable(Unreadable::Grammar))?;
    if splits.next().is_some() {
        return Err(unreadable(Unreadable::Ambiguous));
    }
    Ok((&[], TableRef { schema: name(schema, encoding)?, table: name(table, encoding)? }))
}

/// The warning of format version 1, which names no schema.
fn lost_change_without_schema<'a>() -> impl Grammar<'a, Decoded<'a>> {
    let table = take_until("\" without primary key or replica identity is nothing");
    (literal(b"table \""), table).map(|_| Decoded::Unreadable(Unreadable::Grammar))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plugin;
    use alloc::format;

    fn decode_notice(message: &[u8], cut: bool) -> Decoded<'_> {
        super::decode_notice(&Decoder::new(Plugin::Wal2Json), message, cut)
    }

    fn check(message: &str, expected: &Decoded<'_>) {
        assert_eq!(&decode_notice(message.as_bytes(), false), expected, "{message}");
    }

    fn table(schema: &'static str, table: &'static str) -> Decoded<'static> {
        Decoded::Change(TableRef::new(schema, table).into())
    }

    #[test]
    fn every_warning_about_a_change_names_its_table() {
        for warning in [
            "no tuple identifier for UPDATE",
            "no tuple identifier for DELETE",
            "no tuple data for INSERT",
            "no tuple data for UPDATE",
            "no old tuple data for UPDATE",
            "no old tuple data for DELETE",
        ] {
            let notice = format!(r#"{warning} in table "public"."keyless""#);
            check(&notice, &table("public", "keyless"));
        }
    }

    #[test]
    fn names_are_raw() {
        let update = "no tuple identifier for UPDATE in table ";
        for (names, expected) in [
            (r#""We.ird "S"."a, b""#, table("We.ird \"S", "a, b")),
            (r#""public".""""#, table("public", "\"")),
            (r#"".".".""#, table(".", ".")),
            // The other way to tell them apart would leave one name empty.
            (r#""x".""."""#, table("x", "\".\"")),
            (r#""".""."x""#, table("\".\"", "x")),
            (r#""public"."back\slash""#, table("public", "back\\slash")),
        ] {
            check(&format!("{update}{names}"), &expected);
        }
    }

    #[test]
    fn names_that_could_be_others_are_ambiguous() {
        let ambiguous = Decoded::Unreadable(Unreadable::Ambiguous);
        check(r#"no tuple identifier for DELETE in table "public"."a"."b""#, &ambiguous);
        check(r#"no tuple identifier for DELETE in table "a"."."b""#, &ambiguous);
    }

    #[test]
    fn a_lost_change_without_a_readable_table_is_unreadable() {
        for notice in [
            r#"no tuple identifier for DELETE in table "keyless""#,
            r#"no tuple identifier for DELETE in table "public"."keyless"#,
            r#"no tuple identifier for DELETE in table ""."keyless""#,
            "no tuple data for MERGE",
            r#"table "keyless" without primary key or replica identity is nothing"#,
        ] {
            check(notice, &Decoded::Unreadable(Unreadable::Grammar));
        }
        let latin1 = b"no tuple identifier for DELETE in table \"public\".\"K\xe4se\"";
        assert_eq!(decode_notice(latin1, false), Decoded::Unreadable(Unreadable::NotText));
    }

    #[test]
    fn other_notices_are_silent() {
        check("", &Decoded::Silent);
        check("no", &Decoded::Silent);
        check("table \"keyless\" is locked", &Decoded::Silent);
        check("terminating connection because of crash of another server process", &Decoded::Silent);
    }

    #[test]
    fn a_cut_notice_about_a_change_is_never_read() {
        let whole = br#"no tuple identifier for DELETE in table "public"."a"."b""#;
        for end in 0..whole.len() {
            let decoded = decode_notice(&whole[..end], true);
            assert_eq!(decoded, Decoded::Unreadable(Unreadable::Cut), "{end}");
        }
        assert_eq!(decode_notice(b"terminating conn", true), Decoded::Silent);
    }
}
