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
mod row_key;

pub(crate) use notice::decode_notice;

use crate::{
    Decoded, Decoder, Identities, RowPrefix, ServerEncoding, TableFilter, TableRef,
    application_nudge::application_nudge,
    head::{Grammar, boundary, decimal, extent, literal, read},
    json_string::{json_literal, json_name},
};
use add_tables::add_tables;
use alloc::{borrow::Cow, vec, vec::Vec};
use nom::{
    Parser,
    branch::alt,
    bytes::take_while1,
    combinator::{self, not},
    multi::fold_many0,
    sequence::{delimited, preceded, separated_pair},
};
use row_key::keys;

/// START_REPLICATION options that wal2json knows since 2.3 (one that it does not know makes the
/// command fail), with `filter` among them if wal2json can apply exactly this filter.
pub(crate) fn options(decoder: &Decoder, filter: &TableFilter) -> Vec<(&'static str, Cow<'static, str>)> {
    let mut options = vec![
        // One message per change; version 1 builds a whole transaction in the server's memory.
        ("format-version", "2".into()),
        // Shorter, and quoted names of types would be invalid JSON.
        ("include-types", "false".into()),
        // The id that the visibility check asks for (rule R13).
        ("include-xids", "true".into()),
        // Other logical messages are no changes and may be long; naming a prefix leaves them out.
        ("add-msg-prefixes", "pgnudge".into()),
    ];
    if decoder.keys {
        options.push(("include-pk", "true".into()));
    }
    if !decoder.markers {
        options.push(("include-transaction", "false".into()));
    }
    // The command is read in the encoding of the database.
    let list = add_tables(filter).filter(|list| decoder.encoding.is_utf8() || list.is_ascii());
    options.extend(list.map(|list| ("add-tables", list.into())));
    options
}

/// Whether `filter` is among the options.
pub(crate) fn filters(filter: &TableFilter) -> bool {
    add_tables(filter).is_some()
}

/// Reads one message.
pub(crate) fn decode(encoding: ServerEncoding, head: &[u8], cut: bool) -> Decoded<'_> {
    const BEGIN: &[u8; 20] = b"{\"action\":\"B\",\"xid\":";
    const COMMIT: &[u8; 20] = b"{\"action\":\"C\",\"xid\":";
    if !cut && let Some(boundary) = boundary(head, BEGIN, COMMIT, b"}") {
        return boundary;
    }
    read(message(encoding), head, cut).unwrap_or_else(Decoded::Unreadable)
}

/// Reads one message, and looks once more for what `decoder` reads beyond the table. Of a cut
/// message that is no key, since the key comes last.
#[inline(never)] // Else the compiler makes reading tables alone slower.
pub(crate) fn look_closer<'a>(decoder: &Decoder, head: &'a [u8], cut: bool) -> Decoded<'a> {
    match decode(decoder.encoding, head, cut) {
        Decoded::Change(table) if decoder.keys && !cut => match keys(head, decoder.encoding) {
            Some((key, changed)) => Decoded::Change(table.with_key(key, changed)),
            None => Decoded::Change(table),
        },
        Decoded::Silent if decoder.messages => {
            read(logical_message(decoder.encoding), head, cut).unwrap_or_else(Decoded::Unreadable)
        }
        decoded => decoded,
    }
}

/// The transaction that a message belongs to: its first member after the action.
pub(crate) fn xid(head: &[u8]) -> Option<u32> {
    let rest = head.strip_prefix(ACTION)?.get(1..)?.strip_prefix(XID)?;
    // A number that nothing follows may have been cut.
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).filter(|&digits| digits > 0)?;
    decimal(rest.get(..digits)?)
}

/// How the messages about the same table begin, if this is one about a row.
pub(crate) fn row_prefix(encoding: ServerEncoding, head: &[u8]) -> Option<RowPrefix> {
    const AT: usize = ACTION.len() + 1;
    const END: usize = AT + XID.len();
    let prefix = head.get(..extent(preceded(literal(ACTION), change(encoding)), head)?)?;
    // Every action has one letter.
    let has_xid = prefix.get(AT..END) == Some(XID);
    Some(if has_xid { RowPrefix::around_number(prefix, END) } else { RowPrefix::whole(prefix) })
}

fn message<'a>(encoding: ServerEncoding) -> impl Grammar<'a, Decoded<'a>> {
    let action = alt((
        change(encoding).map(|table| Decoded::Change(table.into())),
        truncation(encoding).map(|table| Decoded::Change(Identities::from(table).truncated())),
        delimited(literal(b"B\""), scalars(SCHEMA), literal(b"}"))
            .map(|xid| Decoded::Begin { xid: xid.and_then(decimal) }),
        literal(b"C\"").map(|_| Decoded::Commit),
        literal(b"M\"").map(|_| Decoded::Silent),
    ));
    preceded(literal(ACTION), action)
}

fn change<'a>(encoding: ServerEncoding) -> impl Grammar<'a, TableRef<'a>> {
    let row = alt((literal(b"I\""), literal(b"U\""), literal(b"D\"")));
    preceded((row, scalars(SCHEMA)), table(encoding))
}

fn truncation<'a>(encoding: ServerEncoding) -> impl Grammar<'a, TableRef<'a>> {
    preceded((literal(b"T\""), scalars(SCHEMA)), table(encoding))
}

/// `,"schema":"public","table":"orders"`
fn table<'a>(encoding: ServerEncoding) -> impl Grammar<'a, TableRef<'a>> {
    let schema = preceded((literal(SCHEMA), literal(b":")), json_name(encoding));
    let table = preceded(literal(b",\"table\":"), json_name(encoding));
    (schema, table).map(|(schema, table)| TableRef { schema, table })
}

/// `{"action":"M","xid":748,"transactional":true,"prefix":"pgnudge","content":"public.orders"`
fn logical_message<'a>(encoding: ServerEncoding) -> impl Grammar<'a, Decoded<'a>> {
    let content = json_literal.map(move |content| application_nudge(content.text(encoding)));
    let nudge = preceded(literal(b":true,\"prefix\":\"pgnudge\",\"content\":"), combinator::cut(content));
    let other = literal(b":").map(|()| Decoded::Silent);
    let before = (literal(b"{\"action\":\"M\""), scalars(TRANSACTIONAL), literal(TRANSACTIONAL));
    preceded(before, alt((nudge, other)))
}

/// `,"xid":748,"timestamp":"…"`: the members before the one named, of which the id matters.
fn scalars<'a, const N: usize>(before: &'static [u8; N]) -> impl Grammar<'a, Option<&'a [u8]>> {
    let scalar = preceded(not(literal(before)), scalar());
    fold_many0(scalar, || None, |xid, (key, value)| if key == b"xid" { Some(value) } else { xid })
}

/// A member's name and its value as written: a number, `null` or a string.
fn scalar<'a>() -> impl Grammar<'a, (&'a [u8], &'a [u8])> {
    let key = take_while1(|byte: u8| byte.is_ascii_lowercase());
    let bare = take_while1(|byte: u8| byte.is_ascii_alphanumeric());
    let string = json_literal.map(|literal| literal.inside);
    let member = separated_pair(key, literal(b"\":"), alt((bare, string)));
    preceded(literal(b",\""), member)
}

const ACTION: &[u8; 11] = b"{\"action\":\"";
const XID: &[u8; 8] = b"\",\"xid\":";
const SCHEMA: &[u8; 9] = b",\"schema\"";
const TRANSACTIONAL: &[u8; 16] = b",\"transactional\"";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plugin, Unreadable};
    use alloc::format;
    use proptest::prelude::*;

    fn decode(head: &[u8], cut: bool) -> Decoded<'_> {
        Decoder::new(Plugin::Wal2Json).decode(head, cut)
    }

    fn check(message: &str, expected: &Decoded<'_>) {
        assert_eq!(&decode(message.as_bytes(), false), expected, "{message}");
    }

    fn table(schema: &'static str, table: &'static str) -> Decoded<'static> {
        Decoded::Change(TableRef::new(schema, table).into())
    }

    proptest! {
        #[test]
        fn a_glance_sees_what_the_grammar_reads(
            head in r#"\{"action":"[BCI]","(xid|nextlsn)":"?[0-9]{0,11}"?(,"timestamp":"2026")?[ }]{0,2}"#,
        ) {
            let read = read(message(ServerEncoding::UTF8), head.as_bytes(), false);
            prop_assert_eq!(decode(head.as_bytes(), false), read.unwrap_or_else(Decoded::Unreadable));
        }
    }

    proptest! {
        #[test]
        fn the_transaction_of_a_change_is_the_one_that_its_begin_tells(
            action in "[IUDTM]", scalars in r#"(,"(xid|nextlsn)":[0-9]{0,11})?(,"timestamp":"2026")?"#,
        ) {
            let begin = format!(r#"{{"action":"B"{scalars}}}"#);
            let message = format!(r#"{{"action":"{action}"{scalars},"schema":"s"#);
            let expected = match decode(begin.as_bytes(), false) {
                Decoded::Begin { xid } => xid,
                _ => None,
            };
            prop_assert_eq!(xid(message.as_bytes()), expected);
        }
    }

    #[test]
    fn a_transaction_is_told_by_whole_numbers_of_the_one_plugin() {
        let change = br#"{"action":"I","xid":748,"schema":"s","table":"t"}"#;
        assert_eq!(Decoder::new(Plugin::Wal2Json).xid(change), Some(748));
        assert_eq!(Decoder::new(Plugin::TestDecoding).xid(change), None);
        assert!((0..23).all(|end| xid(&change[..end]).is_none()), "it may go on");
        assert_eq!(xid(br#"{"action":"M","xid":null,"transactional":false"#), None);
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
        let truncation = Decoded::Change(Identities::from(TableRef::new("public", "orders")).truncated());
        check(r#"{"action":"T","schema":"public","table":"orders"}"#, &truncation);
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
    fn reads_nudges_that_are_asked_for() {
        let decoder = Decoder::new(Plugin::Wal2Json).with_messages();
        let check = |message: &str, cut, expected| {
            assert_eq!(decoder.decode(message.as_bytes(), cut), expected, "{message}");
        };
        let ours = r#"{"action":"M","xid":7,"transactional":true,"prefix":"pgnudge","content":"#;
        check(
            &format!(r#"{ours}"public.orders"}}"#),
            false,
            Decoded::Nudge(TableRef::new("public", "orders")),
        );
        check(&format!(r#"{ours}"\"a.b\".c"}}"#), false, Decoded::Nudge(TableRef::new("a.b", "c")));
        check(&format!(r#"{ours}"public.*"}}"#), false, Decoded::Unreadable(Unreadable::Nudge));
        check(&format!("{ours}null}}"), false, Decoded::Unreadable(Unreadable::Grammar));
        check(&format!(r#"{ours}"public.or"#), true, Decoded::Unreadable(Unreadable::Cut));
        for others in [
            r#"{"action":"M","xid":null,"transactional":false,"prefix":"pgnudge","content":"a"#,
            r#"{"action":"M","transactional":true,"prefix":"pgnudge2","content":"a"#,
        ] {
            check(others, true, Decoded::Silent);
        }
    }

    #[test]
    fn asks_for_what_it_reads() {
        let decoder = Decoder::new(Plugin::Wal2Json);
        let options = decoder.options(&TableFilter::default());
        assert!(options.contains(&("format-version", "2".into())));
        assert!(options.contains(&("include-types", "false".into())));
        assert!(!options.iter().any(|(name, _)| ["add-tables", "include-pk"].contains(name)));
        let options = decoder.with_keys().options(&TableFilter::default());
        assert!(options.contains(&("include-pk", "true".into())));
    }

    #[test]
    fn markers_are_left_out_on_demand_where_that_is_possible() {
        let none = ("include-transaction", "false".into());
        for (plugin, possible) in [(Plugin::Wal2Json, true), (Plugin::TestDecoding, false)] {
            let (with, without) = (Decoder::new(plugin), Decoder::new(plugin).without_markers());
            assert!(with.has_markers() && !with.options(&TableFilter::default()).contains(&none));
            assert_eq!(!without.has_markers(), possible);
            assert_eq!(without.options(&TableFilter::default()).contains(&none), possible);
        }
    }

    /// The command with the options is read in the encoding of the database.
    #[test]
    fn names_beyond_ascii_are_pushed_in_utf8_alone() {
        let pushed = |table: &str, encoding| {
            let filter = TableFilter::from_iter([table.parse().unwrap()]);
            let decoder = Decoder::new(Plugin::Wal2Json).with_encoding(ServerEncoding::from_name(encoding));
            decoder.options(&filter).iter().any(|(name, _)| *name == "add-tables")
        };
        assert!(pushed("public.orders", "LATIN1"));
        assert!(pushed("public.käse", "UTF8"));
        assert!(!pushed("public.käse", "LATIN1"));
    }
}
