//! What real servers print, recorded by `recorded/record.sql`: PostgreSQL 15 with wal2json 2.5,
//! 17 with 2.6, 18 with 2.7.

use nudge_decode::{Decoded, Plugin, Tables, Unreadable};
use std::collections::BTreeMap;

struct Recording {
    server: &'static str,
    test_decoding: &'static str,
    wal2json: &'static str,
    notices: &'static str,
}

macro_rules! recording {
    ($server:literal) => {
        Recording {
            server: $server,
            test_decoding: include_str!(concat!("recorded/test_decoding-", $server, ".txt")),
            wal2json: include_str!(concat!("recorded/wal2json-", $server, ".txt")),
            notices: include_str!(concat!("recorded/notices-", $server, ".txt")),
        }
    };
}

const RECORDINGS: [Recording; 3] = [recording!("pg15"), recording!("pg17"), recording!("pg18")];

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
fn changes(plugin: Plugin, recording: &str) -> Counts {
    let mut counts = Counts::new();
    let mut transaction = None;
    for message in recording.trim_end_matches('\n').split("\n%%\n") {
        match plugin.decode(message.as_bytes(), false) {
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

fn count(counts: &mut Counts, tables: &Tables<'_>) {
    for table in tables {
        let name = (table.schema.to_string(), table.table.to_string());
        *counts.entry(name).or_default() += 1;
    }
}

#[test]
fn test_decoding_names_every_change() {
    for recording in RECORDINGS {
        let counts = changes(Plugin::TestDecoding, recording.test_decoding);
        assert_eq!(counts, expected(), "{}", recording.server);
    }
}

/// R8: the notices make up for the changes that wal2json does not print.
#[test]
fn wal2json_and_its_notices_name_every_change() {
    for recording in RECORDINGS {
        let mut counts = changes(Plugin::Wal2Json, recording.wal2json);
        let mut ambiguous = 0;
        for notice in recording.notices.lines() {
            match Plugin::Wal2Json.decode_notice(notice.as_bytes(), false) {
                Decoded::Change(tables) => count(&mut counts, &tables),
                Decoded::Unreadable(Unreadable::Ambiguous) => ambiguous += 1,
                other => panic!("{other:?}: {notice}"),
            }
        }
        // The DELETE in "a"".""b", whose notice could also be about "b" in "public"".""a".
        assert_eq!(ambiguous, 1);
        *counts.entry(("public".to_owned(), "a\".\"b".to_owned())).or_default() += 1;
        assert_eq!(counts, expected(), "{}", recording.server);
    }
}
