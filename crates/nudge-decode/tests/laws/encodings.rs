//! Names are the same text whatever the encoding of the database.

use crate::printing::{nudges, quote_identifier, test_decoding_change, wal2json_change};
use nudge_decode::{Decoded, Decoder, Plugin, ServerEncoding, TableRef, Unreadable};
use proptest::{prelude::*, sample::select};

/// A name in the bytes of an encoding, and what it means; often with the ASCII characters that
/// mean something in one of the notations.
type Name = (Vec<u8>, String);

/// Some characters of each kind of encoding; `recorded/encodings.rs` has them all.
fn any_encoding() -> impl Strategy<Value = (&'static str, Vec<(&'static [u8], &'static str)>)> {
    select(vec![
        ("LATIN1", vec![(&b"\xe4"[..], "ä"), (b"\x80", "\u{80}"), (b"\xff", "ÿ")]),
        ("LATIN5", vec![(b"\xfd", "ı"), (b"\xdd", "İ"), (b"\xe4", "ä")]),
        ("LATIN9", vec![(b"\xa4", "€")]),
        ("WIN1251", vec![(b"\xe7", "з"), (b"\x80", "Ђ")]),
        ("KOI8U", vec![(b"\xa4", "є"), (b"\xae", "╝")]),
        (
            "EUC_JP",
            vec![(b"\xc6\xfc", "日"), (b"\x8e\xb1", "ｱ"), (b"\x8f\xb0\xa1", "丂"), (b"\xa1\xdd", "－")],
        ),
        ("EUC_KR", vec![(b"\xb0\xa1", "가")]),
        ("EUC_CN", vec![(b"\xb0\xa1", "啊"), (b"\xa1\xaa", "―")]),
        ("UTF8", vec![("ä".as_bytes(), "ä"), ("🧀".as_bytes(), "🧀")]),
    ])
}

fn any_name(characters: Vec<(&'static [u8], &'static str)>) -> impl Strategy<Value = Name> {
    let ascii = vec![(&b"a"[..], "a"), (b"\"", "\""), (b"\\", "\\"), (b".", "."), (b"\n", "\n"), (b"A", "A")];
    let character = prop_oneof![select(characters), select(ascii)];
    prop::collection::vec(character, 1..8).prop_map(|name| {
        let (bytes, text): (Vec<_>, Vec<_>) = name.into_iter().unzip();
        (bytes.concat(), text.concat())
    })
}

fn any_names() -> impl Strategy<Value = (&'static str, Name, Name)> {
    any_encoding().prop_flat_map(|(encoding, characters)| {
        (Just(encoding), any_name(characters.clone()), any_name(characters))
    })
}

/// The same change or nudge, as both plugins print it.
fn printed(schema: &[u8], table: &[u8], nudge: bool) -> [Vec<u8>; 2] {
    if nudge {
        return nudges([quote_identifier(schema, true), quote_identifier(table, true)].join(&b'.'));
    }
    let json = wal2json_change("I", "", schema, table, b",\"columns\":[\xff");
    [test_decoding_change(&[(schema, table)], false, "x"), json]
}

/// What the messages say about a table.
fn said(table: TableRef<'_>, nudge: bool) -> Decoded<'_> {
    if nudge { Decoded::Nudge(table) } else { Decoded::Change(table.into()) }
}

proptest! {
    #[test]
    fn names_survive_their_encoding((encoding, (s, schema), (t, table)) in any_names(), nudge: bool) {
        let plugins = [Plugin::TestDecoding, Plugin::Wal2Json];
        for (plugin, message) in plugins.into_iter().zip(printed(&s, &t, nudge)) {
            let decoder = Decoder::new(plugin).with_messages();
            let decoder = decoder.with_encoding(ServerEncoding::from_name(encoding));
            let expected = said(TableRef::new(&schema, &table), nudge);
            prop_assert_eq!(decoder.decode(&message, false), expected, "{} {}", plugin, encoding);
        }
    }

    /// Where the encoding is not known, a name is ASCII or unreadable.
    #[test]
    fn unknown_encodings_are_never_guessed(
        (_, (s, schema), (t, table)) in any_names(), nudge: bool, encoding in "SQL_ASCII|MULE_INTERNAL|EUC_TW"
    ) {
        let plugins = [Plugin::TestDecoding, Plugin::Wal2Json];
        for (plugin, message) in plugins.into_iter().zip(printed(&s, &t, nudge)) {
            let decoder = Decoder::new(plugin).with_messages();
            let decoder = decoder.with_encoding(ServerEncoding::from_name(&encoding));
            let expected = match s.is_ascii() && t.is_ascii() {
                true => said(TableRef::new(&schema, &table), nudge),
                false => Decoded::Unreadable(Unreadable::NotText),
            };
            prop_assert_eq!(decoder.decode(&message, false), expected, "{}", plugin);
        }
    }
}
