//! A cut head is never wrong.

use crate::printing::{any_name, any_scalars, columns, nudges, test_decoding_change, wal2json_change};
use nudge_decode::{Decoded, Decoder, Identity, Plugin, ServerEncoding, Unreadable};
use proptest::prelude::*;

/// The decoders of a plugin: the first reads tables alone.
fn decoders(plugin: Plugin) -> [Decoder; 3] {
    let plain = Decoder::new(plugin);
    let all = plain.with_keys().with_messages();
    [plain, all, all.with_encoding(ServerEncoding::from_name("EUC_JP"))]
}

/// A row with its key, as wal2json prints it.
fn any_row() -> impl Strategy<Value = Vec<u8>> {
    let list = || prop::collection::vec((any_name(), prop::option::of("1|null|\"x\"|\"\\\\\"\"")), 0..3);
    (any_name(), any_name(), any_scalars(), "[IUD]", list(), list(), list()).prop_map(
        |(s, t, scalars, action, new, old, pk)| {
            let mut tail = columns("columns", &new);
            tail.extend(columns("identity", &old));
            tail.extend(columns(
                "pk",
                &pk.into_iter().chain(old).map(|(name, _)| (name, None)).collect::<Vec<_>>(),
            ));
            tail.push(b'}');
            wal2json_change(&action, &scalars, s, t, tail)
        },
    )
}

/// Anything that a plugin prints, or that its server says in a notice.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let row = (any_name(), any_name(), any_scalars(), "[IUDT]", ".{0,20}");
    let row = row.prop_map(|(s, t, scalars, action, tail)| {
        wal2json_change(&action, &scalars, &s, &t, format!(",\"columns\":[{tail}"))
    });
    let frame = ("[BCM]", any_scalars()).prop_map(|(a, s)| format!("{{\"action\":\"{a}\"{s}}}").into());
    let tables = prop::collection::vec((any_name(), any_name()), 1..4);
    let line = (tables, any::<bool>(), ".{0,20}");
    let line = line.prop_map(|(tables, always, tail)| test_decoding_change(&tables, always, &tail));
    let end = "(BEGIN|COMMIT)( [0-9]{1,11})?".prop_map(String::into_bytes);
    let nudge = ("[a-z.\"]{0,9}", any::<bool>()).prop_map(|(content, json)| {
        let [line, message] = nudges(content);
        if json { message } else { line }
    });
    let message =
        "message: transactional: [01] prefix: .{0,5}, sz: 3 content:abc".prop_map(String::into_bytes);
    let warning = r#"no (old )?tuple (data|identifier) for (UPDATE|DELETE) in table "#;
    let notice = (warning, any_name(), any_name()).prop_map(|(w, s, t)| format!(r#"{w}"{s}"."{t}""#).into());
    let other = ".{0,30}".prop_map(String::into_bytes);
    prop_oneof![any_row(), row, frame, line, end, nudge, message, notice, other]
}

proptest! {
    /// A cut head is equal to the whole, or to the tables of the whole, or `Unreadable(Cut)`, and
    /// a broken byte changes nothing about that.
    #[test]
    fn a_cut_head_is_never_wrong(
        mut message in any_message(), broken in prop::option::of(any::<(prop::sample::Index, u8)>())
    ) {
        if let Some((at, byte)) = broken && !message.is_empty() {
            let at = at.index(message.len());
            message[at] = byte;
        }
        for decoder in [Plugin::TestDecoding, Plugin::Wal2Json].into_iter().flat_map(decoders) {
            for decode in [Decoder::decode, Decoder::decode_notice] {
                let whole = decode(&decoder, &message, false);
                for end in 0..message.len() {
                    let head = decode(&decoder, &message[..end], true);
                    let cut = head == Decoded::Unreadable(Unreadable::Cut);
                    prop_assert!(head == whole || head == coarse(&whole) || cut,
                        "{decoder:?} to {end}: {head:?} but {whole:?}");
                }
            }
        }
    }

    /// What is asked for in addition changes nothing about the tables.
    #[test]
    fn the_tables_are_the_same_with_keys_and_messages(message in any_message()) {
        for [plain, all, _] in [Plugin::TestDecoding, Plugin::Wal2Json].map(decoders) {
            match plain.decode(&message, false) {
                // It may be a nudge.
                Decoded::Silent => {}
                decoded => prop_assert_eq!(coarse(&all.decode(&message, false)), decoded),
            }
        }
    }

    /// No bytes make it panic or name a table without a name, or a key without a column.
    #[test]
    fn arbitrary_bytes_are_harmless(mut bytes: Vec<u8>, prefix in any_message(), cut: bool) {
        for _ in 0..2 {
            for decoder in [Plugin::TestDecoding, Plugin::Wal2Json].into_iter().flat_map(decoders) {
                for decoded in [decoder.decode(&bytes, cut), decoder.decode_notice(&bytes, cut)] {
                    let changes = matches!(decoded, Decoded::Change(_));
                    prop_assert_eq!(changes, !decoded.identities().is_empty());
                    for Identity { table, key } in decoded.identities() {
                        prop_assert!(!table.schema.is_empty() && !table.table.is_empty());
                        prop_assert!(key.as_ref().is_none_or(|key| !key.columns().is_empty()));
                    }
                }
            }
            bytes.splice(..0, prefix.iter().copied());
        }
    }
}

/// The same change without keys.
fn coarse<'a>(decoded: &Decoded<'a>) -> Decoded<'a> {
    match decoded {
        Decoded::Change(rows) if rows.as_slice()[0].key.is_some() => {
            Decoded::Change(rows.as_slice()[0].table.clone().into())
        }
        decoded => decoded.clone(),
    }
}
