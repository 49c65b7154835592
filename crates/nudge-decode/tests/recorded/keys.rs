//! Primary keys, of every type and with every replica identity.

use crate::{SERVERS, messages, payloads};
use nudge_decode::{Decoder, Plugin};

/// What each statement of `keys.sql` changes, row by row. Where there is no key although the
/// table has one, the comment says why.
const EXPECTED: &[&str] = &[
    "t_int:-7",
    "t_int:-7",
    "t_int:-7 t_int:8",
    "t_int:8",
    "t_big:9223372036854775807",
    "t_big:-9223372036854775808",
    "t_numeric:123456789012345678901234567890.123450",
    "t_numeric:9223372036854775808",
    "t_numeric:1.00",
    "t_numeric:5",
    "t_numeric", // NaN is printed as null, and so are the infinities
    "t_numeric",
    "t_numeric:5 t_numeric:5.0",
    "t_float:1e+300",
    "t_float:1e-07",
    "t_float:0.1",
    "t_float:100",
    "t_float:-0",
    "t_float",
    "t_float",
    "t_bool:true",
    "t_bool:false",
    "t_text:a,b",
    "t_text:",
    "t_text:q\"\\\n\t\u{1}",
    "t_text:käse 🧀",
    "t_text:7",
    "t_text:null",
    "t_other:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,00ff,2020-01-01 00:00:00+00,{1,2},say \"hi\",1.50,{\"a\": \"\\\"\"},4294967295",
    "several:1,y",
    "several:1,y",
    "several:1,y several:2,y",
    "several:2,y",
    "keyless",
    "full_row:1",
    "full_row:1",
    "full_row:1 full_row:2",
    "full_row:2",
    "full_keyless",
    "full_keyless",
    "full_keyless",
    "by_index:1",
    "by_index", // the old row is told by another index
    "by_index",
    "by_half:1,2",
    "by_half",
    "by_half",
    "by_more:1",
    "by_more:1 by_more:3",
    "by_more:3",
    "only_index",
    "only_index",
    "generated:2",
    "generated:2 generated:6",
    "dropped:1",
    "dropped:1 dropped:2",
    "out_of_line:{k}",
    "out_of_line:{k}", // the new row is printed without it
    "out_of_line:{k} out_of_line:short",
    "parted_1:1",
    "parted_2:11",
    "parted_1:1",
    "parted_2:12",
    "t_int", // TRUNCATE
];

#[test]
fn every_key_comes_out_or_its_table() {
    let k = "k".repeat(2100);
    for server in SERVERS {
        let decoder = Decoder::new(Plugin::Wal2Json).with_keys();
        let payloads = payloads(&decoder, &messages(&format!("keys-{server}.txt")));
        let payloads: Vec<_> = payloads.iter().map(|row| row.join(" ").replace("public.", "")).collect();
        let expected: Vec<_> = EXPECTED.iter().map(|row| row.replace("{k}", &k)).collect();
        assert_eq!(payloads, expected, "{server}");
    }
}

/// Without keys the same messages are changes of the same tables.
#[test]
fn keys_change_nothing_about_tables() {
    for server in SERVERS {
        for message in messages(&format!("keys-{server}.txt")) {
            let tables = |decoder: Decoder| {
                let decoded = decoder.decode(message.as_bytes(), false);
                let tables: Vec<_> = decoded.identities().iter().map(|row| row.table.to_string()).collect();
                assert!(!tables.is_empty(), "{decoded:?}: {message}");
                tables
            };
            let mut keyed = tables(Decoder::new(Plugin::Wal2Json).with_keys());
            keyed.dedup();
            assert_eq!(keyed, tables(Decoder::new(Plugin::Wal2Json)), "{message}");
        }
    }
}
