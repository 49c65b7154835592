//! What begins the same says the same.

use crate::printing::{any_name, any_scalars, test_decoding_change, wal2json_change};
use nudge_decode::{Decoder, Plugin};
use proptest::prelude::*;

/// If a message of `plugin` begins as the messages like `first` do, then it says the same.
fn check(plugin: Plugin, first: &[u8], others: &[Vec<u8>], cut: usize) -> Result<(), TestCaseError> {
    let decoder = Decoder::new(plugin);
    let Some(prefix) = decoder.row_prefix(first) else {
        return Err(TestCaseError::fail("every change has a prefix"));
    };
    prop_assert!(prefix.begins(first));
    let meant = decoder.decode(first, false);
    for other in others {
        let head = &other[..cut.min(other.len())];
        for (head, cut) in [(&other[..], false), (head, true)] {
            if prefix.begins(head) {
                prop_assert_eq!(&decoder.decode(head, cut), &meant);
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_begins_the_same_says_the_same(
        s in any_name(), t in any_name(), more in "[a-z\"\\\\.: ]{0,3}",
        scalars in any_scalars(), others in any_scalars(), cut in 0..80_usize,
    ) {
        let longer = format!("{t}{more}");
        let line = |table: &str, tail: &str| test_decoding_change(&[(s.as_str(), table)], false, tail);
        let lines = [line(&t, "id[integer]:2"), line(&longer, ""), line(&format!("x{more}"), "")];
        check(Plugin::TestDecoding, &line(&t, "id[integer]:1"), &lines, cut)?;
        let json = |scalars: &str, table: &str, tail: &str| wal2json_change("U", scalars, &s, table, tail);
        let lines = [
            json(&scalars, &t, ",\"columns\":[]"),
            json(&others, &t, ""),
            json(&others, &longer, "}"),
            json(",\"xid\":", &t, "}"),
        ];
        check(Plugin::Wal2Json, &json(&scalars, &t, ",\"columns\":["), &lines, cut)?;
    }

    /// The next transaction's rows begin the same although its id is another.
    #[test]
    fn a_transactions_id_makes_no_difference(s in any_name(), t in any_name(), xids: [u32; 2]) {
        let [first, other] = xids.map(|xid| wal2json_change("I", &format!(",\"xid\":{xid}"), &s, &t, "}"));
        let prefix = Decoder::new(Plugin::Wal2Json).row_prefix(&first).unwrap();
        prop_assert!(prefix.begins(&other));
    }
}

#[test]
fn what_is_no_change_and_what_is_read_to_its_end_has_none() {
    let tables = Decoder::new(Plugin::Wal2Json);
    let change = br#"{"action":"I","xid":7,"schema":"s","table":"t","columns":[]}"#;
    assert_eq!(tables.with_keys().row_prefix(change), None);
    assert!(tables.row_prefix(change).is_some());
    assert_eq!(tables.row_prefix(br#"{"action":"C","xid":7}"#), None);
    assert_eq!(Decoder::new(Plugin::TestDecoding).row_prefix(b"COMMIT 7"), None);
}
