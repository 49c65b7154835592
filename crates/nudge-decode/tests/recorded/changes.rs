//! Every kind of change, and awkward names.

use crate::{SERVERS, bytes, messages};
use nudge_decode::{Decoded, Decoder, Identities, Plugin, Unreadable};
use std::collections::BTreeMap;

/// How many changes there are of each table.
type Counts = BTreeMap<(String, String), u32>;

/// What `record.sql` does.
fn expected() -> Counts {
    let counts = [
        ("public", "orders", 6),
        ("app", "items", 2),
        ("public", "keyless", 3),
        ("public", "full_identity", 3),
        ("We.ird \"S", "T: INSERT: x", 1),
        ("We.ird \"S", "a, b", 3),
        ("public", "a\".\"b", 2),
        ("public", "Käse 🧀", 1),
        ("public", "new\nline\ttab", 1),
        ("public", "back\\slash", 1),
        ("public", "select", 1),
        ("public", "1st", 1),
        ("public", "*", 1),
        ("public", "part", 1),
        ("public", "part_1", 3),
        ("public", "part_2", 3),
    ];
    counts.map(|(schema, table, count)| ((schema.to_owned(), table.to_owned()), count)).into()
}

/// Counts the changes, and checks that each lies in a transaction with an id.
fn changes(plugin: Plugin, file: &str) -> Counts {
    let decoder = Decoder::new(plugin);
    let mut counts = Counts::new();
    let mut transaction = None;
    for message in messages(file) {
        match decoder.decode(message.as_bytes(), false) {
            Decoded::Begin { xid } => {
                assert!(xid.is_some(), "{message}");
                assert_eq!(transaction.replace(xid), None, "{message}");
            }
            Decoded::Change(tables) => {
                assert!(transaction.is_some(), "{message}");
                count(&mut counts, &tables);
            }
            Decoded::Commit => assert!(transaction.take().is_some(), "{message}"),
            other => assert_eq!(other, Decoded::Silent, "{message}"),
        }
    }
    assert_eq!(transaction, None);
    counts
}

fn count(counts: &mut Counts, tables: &Identities<'_>) {
    for identity in tables {
        assert_eq!(identity.key, None);
        let name = (identity.table.schema.to_string(), identity.table.table.to_string());
        *counts.entry(name).or_default() += 1;
    }
}

#[test]
fn test_decoding_names_every_change() {
    for server in SERVERS {
        let counts = changes(Plugin::TestDecoding, &format!("test_decoding-{server}.txt"));
        assert_eq!(counts, expected(), "{server}");
    }
}

/// R8: the notices make up for the changes that wal2json does not print.
#[test]
fn wal2json_and_its_notices_name_every_change() {
    for server in SERVERS {
        let mut counts = changes(Plugin::Wal2Json, &format!("wal2json-{server}.txt"));
        let mut ambiguous = 0;
        let notices = String::from_utf8(bytes(&format!("notices-{server}.txt"))).unwrap();
        for notice in notices.lines() {
            match Decoder::new(Plugin::Wal2Json).decode_notice(notice.as_bytes(), false) {
                Decoded::Change(tables) => count(&mut counts, &tables),
                Decoded::Unreadable(Unreadable::Ambiguous) => ambiguous += 1,
                other => panic!("{other:?}: {notice}"),
            }
        }
        // The DELETE in "a"".""b", whose notice could also be about "b" in "public"".""a".
        assert_eq!(ambiguous, 1);
        *counts.entry(("public".to_owned(), "a\".\"b".to_owned())).or_default() += 1;
        assert_eq!(counts, expected(), "{server}");
    }
}
