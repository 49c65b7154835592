//! wal2json, format version 2 (<https://github.com/eulerto/wal2json>): what it is asked to
//! print, and the grammar of that.
//!
//! ```text
//! {"action":"B","xid":748}
//! {"action":"I","xid":748,"schema":"public","table":"orders","columns":[{"name":"id","value":1}]}
//! {"action":"T","xid":748,"schema":"public","table":"orders"}
//! {"action":"C","xid":748}
//! {"action":"M","xid":null,"transactional":false,"prefix":"p","content":"abc"}
//! ```
//! The members come in this order, the scalars before `schema` depending on the options; so
//! the table is known before the first column, and a whole JSON parser is not needed.

mod add_tables;
mod notice;

pub(crate) use notice::decode_notice;

use crate::{
    Decoded, TableFilter, TableRef,
    head::{Grammar, literal, read, transaction_id},
    json_string::{json_literal, json_string},
};
use add_tables::add_tables;
use alloc::{borrow::Cow, vec, vec::Vec};
use nom::{
    Parser,
    branch::alt,
    bytes::take_while1,
    combinator::not,
    multi::fold_many0,
    sequence::{delimited, preceded, separated_pair},
};

/// START_REPLICATION options that wal2json knows since 2.3 (one that it does not know makes the
/// command fail), with `filter` among them if wal2json can apply exactly this filter.
pub(crate) fn options(filter: &TableFilter) -> Vec<(&'static str, Cow<'static, str>)> {
    let mut options = vec![
        // One message per change; version 1 builds a whole transaction in the server's memory.
        ("format-version", "2".into()),
        // Shorter, and quoted names of types would be invalid JSON.
        ("include-types", "false".into()),
        // The id that the visibility check asks for (rule R13).
        ("include-xids", "true".into()),
        // Logical messages are no changes and may be long. A prefix has to be named to leave
        // the others out; this one is nobody else's.
        ("add-msg-prefixes", "pgnudge".into()),
    ];
    options.extend(add_tables(filter).map(|list| ("add-tables", list.into())));
    options
}

/// Whether `filter` is among the options.
pub(crate) fn filters(filter: &TableFilter) -> bool {
    add_tables(filter).is_some()
}

/// Reads one message.
pub(crate) fn decode(head: &[u8], cut: bool) -> Decoded<'_> {
    read(message(), head, cut).unwrap_or_else(Decoded::Unreadable)
}

fn message<'a>() -> impl Grammar<'a, Decoded<'a>> {
    let row = alt((literal(b"I\""), literal(b"U\""), literal(b"D\""), literal(b"T\"")));
    let action = alt((
        preceded((row, scalars()), table()).map(|table| Decoded::Change(table.into())),
        delimited(literal(b"B\""), scalars(), literal(b"}"))
            .map(|xid| Decoded::Begin { xid: xid.and_then(transaction_id) }),
        literal(b"C\"").map(|_| Decoded::Commit),
        literal(b"M\"").map(|_| Decoded::Silent),
    ));
    preceded(literal(b"{\"action\":\""), action)
}

/// `,"schema":"public","table":"orders"`
fn table<'a>() -> impl Grammar<'a, TableRef<'a>> {
    let schema = preceded(literal(b",\"schema\":"), json_string);
    let table = preceded(literal(b",\"table\":"), json_string);
    (schema, table).map(|(schema, table)| TableRef { schema, table })
}

/// `,"xid":748,"timestamp":"…"`: the members before the schema, of which the id matters.
fn scalars<'a>() -> impl Grammar<'a, Option<&'a [u8]>> {
    fold_many0(scalar(), || None, |xid, (key, value)| if key == b"xid" { Some(value) } else { xid })
}

/// A member's name and its value as written: a number, `null` or a string.
fn scalar<'a>() -> impl Grammar<'a, (&'a [u8], &'a [u8])> {
    let key = take_while1(|byte: u8| byte.is_ascii_lowercase());
    let bare = take_while1(|byte: u8| byte.is_ascii_alphanumeric());
    let string = json_literal.map(|literal| literal.inside);
    let member = separated_pair(key, literal(b"\":"), alt((bare, string)));
    preceded((not(literal(b",\"schema\"")), literal(b",\"")), member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unreadable;
    use alloc::format;

    fn check(message: &str, expected: &Decoded<'_>) {
        assert_eq!(&decode(message.as_bytes(), false), expected, "{message}");
    }

    fn table(schema: &'static str, table: &'static str) -> Decoded<'static> {
        Decoded::Change(TableRef::new(schema, table).into())
    }

    #[test]
    fn reads_the_ends_of_a_transaction() {
        check(r#"{"action":"B","xid":748}"#, &Decoded::Begin { xid: Some(748) });
        check(r#"{"action":"B"}"#, &Decoded::Begin { xid: None });
        check(r#"{"action":"C","xid":748}"#, &Decoded::Commit);
        check(r#"{"action":"C"}"#, &Decoded::Commit);
    }

    #[test]
    fn reads_the_table_of_every_action() {
        let orders = table("public", "orders");
        for action in ["I", "U", "D"] {
            let members = r#","xid":748,"schema":"public","table":"orders","columns":[{"name":"#;
            check(&format!(r#"{{"action":"{action}"{members}"#), &orders);
        }
        check(r#"{"action":"T","schema":"public","table":"orders"}"#, &orders);
        check(
            r#"{"action":"I","schema":"We.ird \"S","table":"new\nline\ttab","columns":[]}"#,
            &table("We.ird \"S", "new\nline\ttab"),
        );
    }

    #[test]
    fn passes_over_the_scalars_of_other_options() {
        let scalars = r#""timestamp":"2026-11-22 14:43:05.056785+00","origin":0,"lsn":"0/1DA3240""#;
        let change = r#""schema":"public","table":"orders","columns":[]}"#;
        check(&format!(r#"{{"action":"B","xid":7,{scalars}}}"#), &Decoded::Begin { xid: Some(7) });
        check(&format!(r#"{{"action":"I",{scalars},{change}"#), &table("public", "orders"));
    }

    #[test]
    fn is_silent_about_messages() {
        check(
            r#"{"action":"M","xid":null,"transactional":false,"prefix":"p","content":"abc"}"#,
            &Decoded::Silent,
        );
    }

    #[test]
    fn what_it_does_not_know_is_unreadable() {
        for message in [
            "",
            "{}",
            r#"{"change":[{"kind":"insert","schema":"public","table":"orders"}]}"#,
            r#"{"action":"X","schema":"public","table":"orders"}"#,
            r#"{"action":"I","table":"orders","columns":[]}"#,
            r#"{"action":"I","columns":[],"schema":"public","table":"orders"}"#,
            r#"{"action":"I","schema":"","table":"orders"}"#,
            r#"{"action":"I","schema":"public","table":"ord\qers"}"#,
            r#"{"action":"I","schema":"public","table":"orders"#,
            r#"{"action":"B","xid":748"#,
        ] {
            check(message, &Decoded::Unreadable(Unreadable::Grammar));
        }
        let latin1 = b"{\"action\":\"T\",\"schema\":\"public\",\"table\":\"K\xe4se\"}";
        assert_eq!(decode(latin1, false), Decoded::Unreadable(Unreadable::NotText));
    }

    #[test]
    fn a_cut_head_decides_nothing_too_early() {
        let cut = Decoded::Unreadable(Unreadable::Cut);
        for head in [
            "",
            r#"{"action":"B","xid":74"#,
            r#"{"action":"I","schema":"public","table":"ord"#,
            r#"{"action":"I","schema":"public","table":"ord\"#,
        ] {
            assert_eq!(decode(head.as_bytes(), true), cut, "{head}");
        }
        let enough = br#"{"action":"I","schema":"public","table":"orders""#;
        assert_eq!(decode(enough, true), table("public", "orders"));
    }

    #[test]
    fn asks_for_what_it_reads() {
        let options = options(&TableFilter::default());
        assert!(options.contains(&("format-version", "2".into())));
        assert!(options.contains(&("include-types", "false".into())));
        assert!(!options.iter().any(|(name, _)| *name == "add-tables"));
    }
}
