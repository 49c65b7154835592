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
    Decoded, TableRef, Tables,
    head::{Grammar, literal, read, transaction_id},
    sql_identifier::identifier,
};
use alloc::{borrow::Cow, vec, vec::Vec};
use nom::{
    Parser,
    branch::alt,
    character::digit1,
    combinator::{eof, opt},
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
        // decoded, and they are its only trace.
    ]
}

/// Reads one message.
pub(crate) fn decode(head: &[u8], cut: bool) -> Decoded<'_> {
    read(message(), head, cut).unwrap_or_else(Decoded::Unreadable)
}

fn message<'a>() -> impl Grammar<'a, Decoded<'a>> {
    alt((
        preceded(literal(b"table "), change()).map(Decoded::Change),
        preceded(literal(b"BEGIN"), end_of_line()).map(|xid| Decoded::Begin { xid }),
        preceded(literal(b"COMMIT"), end_of_line()).map(|_| Decoded::Commit),
        literal(b"message: ").map(|_| Decoded::Silent),
    ))
}

/// ` 748`, or nothing without include-xids.
fn end_of_line<'a>() -> impl Grammar<'a, Option<u32>> {
    let xid = preceded(literal(b" "), digit1()).map_opt(transaction_id);
    terminated(opt(xid), eof)
}

/// `public.orders, app.items: TRUNCATE:`, without what follows.
fn change<'a>() -> impl Grammar<'a, Tables<'a>> {
    let others = fold_many0(preceded(literal(b", "), table()), Vec::new, |mut tables, table| {
        tables.push(table);
        tables
    });
    let tables = (table(), others).map(|(first, others)| Tables::new(first, others));
    let action = alt((literal(b"INSERT:"), literal(b"UPDATE:"), literal(b"DELETE:"), literal(b"TRUNCATE:")));
    terminated(tables, (literal(b": "), action))
}

fn table<'a>() -> impl Grammar<'a, TableRef<'a>> {
    separated_pair(identifier, literal(b"."), identifier).map(|(schema, table)| TableRef { schema, table })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unreadable;

    fn check(message: &str, expected: &Decoded<'_>) {
        assert_eq!(&decode(message.as_bytes(), false), expected, "{message}");
    }

    fn tables(names: &[(&'static str, &'static str)]) -> Decoded<'static> {
        let tables = names.iter().map(|(schema, table)| TableRef::new(*schema, *table));
        let mut tables: Vec<_> = tables.collect();
        let first = tables.remove(0);
        Decoded::Change(Tables::new(first, tables))
    }

    #[test]
    fn reads_the_ends_of_a_transaction() {
        check("BEGIN 748", &Decoded::Begin { xid: Some(748) });
        check("BEGIN 4294967295", &Decoded::Begin { xid: Some(u32::MAX) });
        check("BEGIN", &Decoded::Begin { xid: None });
        check("COMMIT 748", &Decoded::Commit);
        check("COMMIT", &Decoded::Commit);
    }

    #[test]
    fn reads_the_table_of_every_action() {
        let orders = tables(&[("public", "orders")]);
        check("table public.orders: INSERT: id[integer]:1 note[text]:'x'", &orders);
        check("table public.orders: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2", &orders);
        check("table public.orders: DELETE: (no-tuple-data)", &orders);
        check("table public.orders: TRUNCATE: (no-flags)", &orders);
        check(r#"table "public"."orders": INSERT:"#, &orders);
    }

    #[test]
    fn reads_every_table_of_a_truncate() {
        check(
            r#"table public.orders, app.items, "We.ird ""S"."a, b": TRUNCATE: cascade"#,
            &tables(&[("public", "orders"), ("app", "items"), ("We.ird \"S", "a, b")]),
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
