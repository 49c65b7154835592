//! test_decoding, PostgreSQL's example plugin (manual, appendix F "test_decoding"): what it
//! is asked to print, and the grammar of that.
//!
//! ```text
//! BEGIN 748
//! table public.orders: INSERT: id[integer]:1 note[text]:'x'
//! table public.orders, app."We.ird": TRUNCATE: restart_seqs cascade
//! COMMIT 748
//! message: transactional: 1 prefix: p, sz: 3 content:abc
//! ```
//! It prints changes of tables without a key as well (`DELETE: (no-tuple-data)`), so it has
//! no notices to read. It cannot filter by table.

use crate::{
    Decoded, Decoder, Identities, RowPrefix, ServerEncoding, TableRef, Unreadable,
    application_nudge::application_nudge,
    head::{Grammar, boundary, decimal, extent, literal, read, rest},
    sql_identifier::identifier,
};
use alloc::{borrow::Cow, vec, vec::Vec};
use memchr::memmem;
use nom::{
    Parser,
    branch::alt,
    character::digit1,
    combinator::{eof, opt, success},
    multi::fold_many0,
    sequence::{preceded, separated_pair, terminated},
};

/// START_REPLICATION options. Everything else that the plugin knows is off by default, and
/// what it would add (timestamps, rewritten tables, uncommitted blocks) is none of ours.
pub(crate) fn options() -> Vec<(&'static str, Cow<'static, str>)> {
    vec![
        // The id that the visibility check asks for (rule R13).
        ("include-xids", "true".into()),
        // Transactions without changes are told too (`skip-empty-xacts` stays off): DDL is not
        // decoded, and they are its only trace; and a message alone is no change to PostgreSQL 15,
        // and would stand outside any transaction.
    ]
}

/// Reads one message.
pub(crate) fn decode(encoding: ServerEncoding, head: &[u8], cut: bool) -> Decoded<'_> {
    if !cut && let Some(boundary) = boundary(head, b"BEGIN ", b"COMMIT ", b"") {
        return boundary;
    }
    read(message(encoding), head, cut).unwrap_or_else(Decoded::Unreadable)
}

/// Reads one message, and looks once more for what `decoder` reads beyond the table.
#[inline(never)] // Else the compiler makes reading tables alone slower.
pub(crate) fn look_closer<'a>(decoder: &Decoder, head: &'a [u8], cut: bool) -> Decoded<'a> {
    match decode(decoder.encoding, head, cut) {
        Decoded::Silent if decoder.messages => {
            read(logical_message(decoder.encoding), head, cut).unwrap_or_else(Decoded::Unreadable)
        }
        decoded => decoded,
    }
}

/// How the messages about the same tables begin, if this is one about some.
pub(crate) fn row_prefix(encoding: ServerEncoding, head: &[u8]) -> Option<RowPrefix> {
    let end = extent(preceded(literal(b"table "), change(encoding)), head)?;
    head.get(..end).map(RowPrefix::whole)
}

fn message<'a>(encoding: ServerEncoding) -> impl Grammar<'a, Decoded<'a>> {
    alt((
        preceded(literal(b"table "), change(encoding)).map(Decoded::Change),
        preceded(literal(b"BEGIN"), end_of_line()).map(|xid| Decoded::Begin { xid }),
        preceded(literal(b"COMMIT"), end_of_line()).map(|_| Decoded::Commit),
        literal(b"message: ").map(|_| Decoded::Silent),
    ))
}

/// ` 748`, or nothing without include-xids.
fn end_of_line<'a>() -> impl Grammar<'a, Option<u32>> {
    let xid = preceded(literal(b" "), digit1()).map_opt(decimal);
    terminated(opt(xid), eof)
}

/// `public.orders, app.items: TRUNCATE:`, without what follows.
fn change<'a>(encoding: ServerEncoding) -> impl Grammar<'a, Identities<'a>> {
    let others = preceded(literal(b", "), table(encoding));
    let others = fold_many0(others, Vec::new, |mut tables, table| {
        tables.push(table.into());
        tables
    });
    let tables = (table(encoding), others).map(|(first, others)| Identities::new(first.into(), others));
    let row = alt((literal(b"INSERT:"), literal(b"UPDATE:"), literal(b"DELETE:"))).map(|()| false);
    let truncates = alt((row, literal(b"TRUNCATE:").map(|()| true)));
    separated_pair(tables, literal(b": "), truncates).map(
        |(tables, truncates)| {
            if truncates { tables.truncated() } else { tables }
        },
    )
}

fn table<'a>(encoding: ServerEncoding) -> impl Grammar<'a, TableRef<'a>> {
    let names = separated_pair(identifier(encoding), literal(b"."), identifier(encoding));
    names.map(|(schema, table)| TableRef { schema, table })
}

/// `message: transactional: 1 prefix: pgnudge, sz: 13 content:public.orders`
fn logical_message<'a>(encoding: ServerEncoding) -> impl Grammar<'a, Decoded<'a>> {
    let nudge = rest().map(move |text| nudge(text, encoding));
    let nudge = preceded(literal(b"transactional: 1 prefix: pgnudge, sz: "), nudge);
    let other = success(()).map(|()| Decoded::Silent);
    preceded(literal(b"message: "), alt((nudge, other)))
}

/// `13 content:public.orders`, to the end of the message.
///
/// A prefix may hold `, sz: ` too. If the size is not that of the rest, then the prefix goes on
/// there and is not ours; if it is, and again at a later place, then it may be.
fn nudge(text: &[u8], encoding: ServerEncoding) -> Decoded<'static> {
    const SIZE: &[u8] = b", sz: ";
    let Some(content) = content(text) else { return Decoded::Silent };
    let mut others = memmem::find_iter(content, SIZE);
    if others.any(|at| content.get(at + SIZE.len()..).and_then(self::content).is_some()) {
        return Decoded::Unreadable(Unreadable::Ambiguous);
    }
    application_nudge(encoding.text(content))
}

/// What follows `13 content:`, if it is that long.
fn content(text: &[u8]) -> Option<&[u8]> {
    let (content, size) = terminated(digit1(), literal(b" content:")).parse_complete(text).ok()?;
    (usize::try_from(decimal(size)?) == Ok(content.len())).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plugin;
    use alloc::format;
    use proptest::prelude::*;

    fn decode(head: &[u8], cut: bool) -> Decoded<'_> {
        Decoder::new(Plugin::TestDecoding).decode(head, cut)
    }

    fn check(message: &str, expected: &Decoded<'_>) {
        assert_eq!(&decode(message.as_bytes(), false), expected, "{message}");
    }

    fn identities(names: &[(&'static str, &'static str)]) -> Identities<'static> {
        let tables = names.iter().map(|(schema, table)| TableRef::new(*schema, *table).into());
        let mut tables: Vec<_> = tables.collect();
        let first = tables.remove(0);
        Identities::new(first, tables)
    }

    fn tables(names: &[(&'static str, &'static str)]) -> Decoded<'static> {
        Decoded::Change(identities(names))
    }

    fn truncated(names: &[(&'static str, &'static str)]) -> Decoded<'static> {
        Decoded::Change(identities(names).truncated())
    }

    #[test]
    fn reads_the_ends_of_a_transaction() {
        check("BEGIN 748", &Decoded::Begin { xid: Some(748) });
        check("BEGIN 4294967295", &Decoded::Begin { xid: Some(u32::MAX) });
        check("BEGIN", &Decoded::Begin { xid: None });
        check("COMMIT 748", &Decoded::Commit);
        check("COMMIT", &Decoded::Commit);
    }

    proptest! {
        #[test]
        fn a_glance_sees_what_the_grammar_reads(head in "(BEGIN|COMMIT|table) ?[0-9]{0,11}[ x]?") {
            let read = read(message(ServerEncoding::UTF8), head.as_bytes(), false);
            prop_assert_eq!(decode(head.as_bytes(), false), read.unwrap_or_else(Decoded::Unreadable));
        }
    }

    #[test]
    fn reads_the_table_of_every_action() {
        let orders = tables(&[("public", "orders")]);
        check("table public.orders: INSERT: id[integer]:1 note[text]:'x'", &orders);
        check("table public.orders: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2", &orders);
        check("table public.orders: DELETE: (no-tuple-data)", &orders);
        check("table public.orders: TRUNCATE: (no-flags)", &truncated(&[("public", "orders")]));
        check(r#"table "public"."orders": INSERT:"#, &orders);
    }

    #[test]
    fn reads_every_table_of_a_truncate() {
        check(
            r#"table public.orders, app.items, "We.ird ""S"."a, b": TRUNCATE: cascade"#,
            &truncated(&[("public", "orders"), ("app", "items"), ("We.ird \"S", "a, b")]),
        );
    }

    #[test]
    fn is_not_misled_by_names_or_rows() {
        let name = "T: INSERT: x";
        check(r#"table public."T: INSERT: x": DELETE: id[integer]:1"#, &tables(&[("public", name)]));
        check("table a.b: INSERT: t[text]:', c.d: TRUNCATE: '", &tables(&[("a", "b")]));
        assert_eq!(decode(b"table a.b: INSERT: t[text]:'\xff'", false), tables(&[("a", "b")]));
    }

    #[test]
    fn is_silent_about_messages() {
        check("message: transactional: 1 prefix: p, sz: 3 content:abc", &Decoded::Silent);
    }

    #[test]
    fn reads_nudges_that_are_asked_for() {
        let decoder = Decoder::new(Plugin::TestDecoding).with_messages();
        let check = |prefix: &str, content: &str, expected: Decoded<'_>| {
            let size = content.len();
            let message = format!("message: transactional: 1 prefix: {prefix}, sz: {size} content:{content}");
            assert_eq!(decoder.decode(message.as_bytes(), false), expected, "{message}");
        };
        check("pgnudge", "public.orders", Decoded::Nudge(TableRef::new("public", "orders")));
        check("pgnudge", r#""a.b"."say ""hi""""#, Decoded::Nudge(TableRef::new("a.b", "say \"hi\"")));
        check("pgnudge", r#"a.", sz: 2 content:""#, Decoded::Nudge(TableRef::new("a", ", sz: 2 content:")));
        for content in ["", "orders", "public.*", "public.Orders", "a.b.c", "a.b\0"] {
            check("pgnudge", content, Decoded::Unreadable(Unreadable::Nudge));
        }
        check("pgnudge2", "public.orders", Decoded::Silent);
        check("pgnudge, sz: 3 content:abc", "public.orders", Decoded::Silent);
        // This could be the nudge `a.b, sz: 3 content:c.d` as well.
        check("pgnudge, sz: 22 content:a.b", "c.d", Decoded::Unreadable(Unreadable::Ambiguous));
        let other = b"message: transactional: 0 prefix: pgnudge, sz: 13 content:public.orders";
        assert_eq!(decoder.decode(other, false), Decoded::Silent);
    }

    #[test]
    fn a_cut_message_matters_only_if_it_may_be_a_nudge() {
        let decoder = Decoder::new(Plugin::TestDecoding).with_messages();
        let ours = b"message: transactional: 1 prefix: pgnudge, sz: 3 content:a.b";
        assert_eq!(decoder.decode(ours, true), Decoded::Unreadable(Unreadable::Cut));
        let other = b"message: transactional: 1 prefix: p, sz: 9999 content:abc";
        assert_eq!(decoder.decode(other, true), Decoded::Silent);
        assert_eq!(decode(ours, true), Decoded::Silent);
    }

    #[test]
    fn empty_transactions_are_printed() {
        let names: Vec<_> = options().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["include-xids"]);
    }

    #[test]
    fn what_it_does_not_know_is_unreadable() {
        for message in [
            "",
            "BEGIN 4294967296",
            "BEGIN 748 (at 2026-11-22 14:43:05.056785+00)",
            "BEGINNING",
            "COMMIT PREPARED 'x', txid 748",
            "table public.orders: MERGE: id[integer]:1",
            "table public.orders",
            "table orders: INSERT: id[integer]:1",
            r#"table public."": INSERT: id[integer]:1"#,
            "opening a streamed block for transaction",
        ] {
            check(message, &Decoded::Unreadable(Unreadable::Grammar));
        }
        let latin1 = b"table public.\"K\xe4se\": INSERT: id[integer]:1";
        assert_eq!(decode(latin1, false), Decoded::Unreadable(Unreadable::NotText));
    }

    #[test]
    fn a_cut_head_decides_nothing_too_early() {
        let cut = Decoded::Unreadable(Unreadable::Cut);
        for head in ["", "BEGIN", "BEGIN 74", "COMMIT 74", "table a.b", "table a.b, c.d: TRUNC"] {
            assert_eq!(decode(head.as_bytes(), true), cut, "{head}");
        }
        // Half of a doubled quote looks like a closing one.
        assert_eq!(decode(br#"table a."b""#, true), cut);
        assert_eq!(decode(b"table a.b: INSERT:", true), tables(&[("a", "b")]));
    }
}
