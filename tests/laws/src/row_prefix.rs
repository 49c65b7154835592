//! Two messages of one stream: how the first one begins, and what that says of the second.

use nudge_decode::{Decoded, Decoder, Plugin};

/// Law: every change of one table has a prefix that it begins with itself; and whatever begins so says the
/// same, cut or whole.
pub fn row_prefix(messages: &[u8]) {
    let between = messages.iter().position(|&byte| byte == SEPARATOR).unwrap_or(messages.len());
    let (first, second) = messages.split_at(between);
    let second = second.get(1..).unwrap_or_default();
    for plugin in [Plugin::Wal2Json, Plugin::TestDecoding] {
        let decoder = Decoder::new(plugin);
        for cut in [false, true] {
            says_the_same(&decoder, first, cut, second);
        }
    }
}

/// As a feed uses it: only of a change of one table, for what follows it.
fn says_the_same(decoder: &Decoder, first: &[u8], cut: bool, second: &[u8]) {
    let told = decoder.decode(first, cut);
    if !matches!(&told, Decoded::Change(tables) if tables.as_slice().len() == 1) {
        return;
    }
    let Some(prefix) = decoder.row_prefix(first) else { return };
    assert!(prefix.begins(first), "{prefix:?}");
    for end in 0..=second.len().min(256) {
        let head = if end == 256 { second } else { &second[..end] };
        if prefix.begins(head) {
            for cut in [false, true] {
                assert_eq!(decoder.decode(head, cut), told, "{prefix:?}");
            }
        }
    }
}

/// No plugin prints it: a text of PostgreSQL cannot hold it.
const SEPARATOR: u8 = 0;
