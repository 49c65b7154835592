//! The laws of the decoder, for every name, every message and every place to cut it.

use nudge_decode::{Decoded, PatternError, Plugin, TablePattern, TableRef, Unreadable};
use proptest::prelude::*;

const PLUGINS: [Plugin; 2] = [Plugin::TestDecoding, Plugin::Wal2Json];

/// A name, often of the characters that mean something in one of the notations.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9_]{0,9}", r#"[a-z".,:*\\ \n\t{}\[\]äß🧀]{1,12}"#, "[^\0]{1,20}",]
}

/// As PostgreSQL's `quote_identifier` does, `always` with quote_all_identifiers.
fn quote_identifier(name: &str, always: bool) -> String {
    let bare = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if !always && name.bytes().all(bare) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// As PostgreSQL's `escape_json` does.
fn escape_json(text: &str) -> String {
    let mut json = String::from("\"");
    for character in text.chars() {
        match character {
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '"' | '\\' => json.extend(['\\', character]),
            ' '.. => json.push(character),
            _ => json.push_str(&format!("\\u{:04x}", u32::from(character))),
        }
    }
    json + "\""
}

fn test_decoding_change(tables: &[(String, String)], always: bool, tail: &str) -> String {
    let quote = |name: &str| quote_identifier(name, always);
    let names: Vec<_> = tables.iter().map(|(s, t)| format!("{}.{}", quote(s), quote(t))).collect();
    let action = if tables.len() == 1 { "UPDATE" } else { "TRUNCATE" };
    format!("table {}: {action}: {tail}", names.join(", "))
}

fn wal2json_change(action: &str, scalars: &str, schema: &str, table: &str, tail: &str) -> String {
    let (schema, table) = (escape_json(schema), escape_json(table));
    format!("{{\"action\":\"{action}\"{scalars},\"schema\":{schema},\"table\":{table}{tail}")
}

/// The members that wal2json's options can put before the schema.
fn any_scalars() -> impl Strategy<Value = String> {
    let time = Just(r#","timestamp":"2026-11-22 14:43:05.05+00","origin":0"#.to_owned());
    let lsn = Just(r#","xid":9,"lsn":"0/1DA3048","nextlsn":"0/1DA3270""#.to_owned());
    prop_oneof![Just(String::new()), any::<u32>().prop_map(|xid| format!(",\"xid\":{xid}")), time, lsn]
}

/// Anything that a plugin prints, or that its server says in a notice.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let row = (any_name(), any_name(), any_scalars(), "[IUDT]", ".{0,20}");
    let row = row.prop_map(|(s, t, scalars, action, tail)| {
        wal2json_change(&action, &scalars, &s, &t, &format!(",\"columns\":[{tail}"))
    });
    let frame = ("[BCM]", any_scalars()).prop_map(|(a, s)| format!("{{\"action\":\"{a}\"{s}}}"));
    let tables = prop::collection::vec((any_name(), any_name()), 1..4);
    let line = (tables, any::<bool>(), ".{0,20}");
    let line = line.prop_map(|(tables, always, tail)| test_decoding_change(&tables, always, &tail));
    let end = "(BEGIN|COMMIT)( [0-9]{1,11})?";
    let message = "message: transactional: [01] prefix: .{0,5}, sz: 3 content:abc";
    let warning = r#"no (old )?tuple (data|identifier) for (UPDATE|DELETE) in table "#;
    let notice = (warning, any_name(), any_name()).prop_map(|(w, s, t)| format!(r#"{w}"{s}"."{t}""#));
    prop_oneof![row, frame, line, end, message, notice, ".{0,30}"].prop_map(String::into_bytes)
}

proptest! {
    /// A cut head is equal to the whole or `Unreadable(Cut)`, and a broken byte changes nothing
    /// about that.
    #[test]
    fn a_cut_head_is_never_wrong(
        mut message in any_message(), broken in prop::option::of(any::<(prop::sample::Index, u8)>())
    ) {
        if let Some((at, byte)) = broken && !message.is_empty() {
            let at = at.index(message.len());
            message[at] = byte;
        }
        for plugin in PLUGINS {
            for decode in [Plugin::decode, Plugin::decode_notice] {
                let whole = decode(plugin, &message, false);
                for end in 0..message.len() {
                    let head = decode(plugin, &message[..end], true);
                    prop_assert!(head == whole || head == Decoded::Unreadable(Unreadable::Cut),
                        "{plugin} to {end}: {head:?} but {whole:?}");
                }
            }
        }
    }

    /// Names come back as they are, and from both plugins the same.
    #[test]
    fn names_survive_printing(
        s in any_name(), t in any_name(), always: bool, scalars in any_scalars()
    ) {
        let expected = Decoded::Change(TableRef::new(&s, &t).into());
        let line = test_decoding_change(&[(s.clone(), t.clone())], always, "id[integer]:1");
        prop_assert_eq!(&Plugin::TestDecoding.decode(line.as_bytes(), false), &expected);
        let json = wal2json_change("U", &scalars, &s, &t, ",\"columns\":[");
        prop_assert_eq!(&Plugin::Wal2Json.decode(json.as_bytes(), false), &expected);
    }

    /// Every table of a TRUNCATE comes back, in order.
    #[test]
    fn tables_survive_a_truncate(names in prop::collection::vec((any_name(), any_name()), 2..5)) {
        let line = test_decoding_change(&names, false, "(no-flags)");
        let Decoded::Change(tables) = Plugin::TestDecoding.decode(line.as_bytes(), false) else {
            return Err(TestCaseError::fail(line));
        };
        let expected: Vec<_> = names.iter().map(|(s, t)| TableRef::new(s, t)).collect();
        prop_assert_eq!(tables.as_slice(), expected);
    }

    /// A notice names the right table or says that it cannot; it is never silent about a change.
    #[test]
    fn a_lost_change_is_never_silent(s in any_name(), t in any_name()) {
        let notice = format!(r#"no tuple identifier for DELETE in table "{s}"."{t}""#);
        match Plugin::Wal2Json.decode_notice(notice.as_bytes(), false) {
            Decoded::Unreadable(Unreadable::Ambiguous) => {
                prop_assert!(s.contains('"') || t.contains('"'));
            }
            decoded => prop_assert_eq!(decoded, Decoded::Change(TableRef::new(&s, &t).into())),
        }
    }

    /// No bytes make it panic or name a table without a name.
    #[test]
    fn arbitrary_bytes_are_harmless(mut bytes: Vec<u8>, prefix in any_message(), cut: bool) {
        for _ in 0..2 {
            for plugin in PLUGINS {
                for decoded in [plugin.decode(&bytes, cut), plugin.decode_notice(&bytes, cut)] {
                    if let Decoded::Change(tables) = decoded {
                        prop_assert!(!tables.as_slice().is_empty());
                        for TableRef { schema, table } in &tables {
                            prop_assert!(!schema.is_empty() && !table.is_empty());
                        }
                    }
                }
            }
            bytes.splice(..0, prefix.iter().copied());
        }
    }

    /// A pattern of quoted names means these names, and what it writes reads back the same.
    #[test]
    fn patterns_survive_writing(s in any_name(), t in any_name(), always: bool) {
        let text = format!("{}.{}", quote_identifier(&s, always), quote_identifier(&t, always));
        let pattern: TablePattern = text.parse()?;
        prop_assert_eq!((pattern.schema(), pattern.table()), (Some(s.as_str()), Some(t.as_str())));
        prop_assert_eq!(pattern.to_string().parse(), Ok::<_, PatternError>(pattern.clone()));
        prop_assert!(pattern.matches(&TableRef::new(&s, &t)));
    }

    /// Any text is a pattern that survives writing, or an error with a hint; never a panic.
    #[test]
    fn any_text_is_a_pattern_or_an_error(text in "[a-zA-Z0-9\".*\0 ä$-]{0,8}") {
        match text.parse::<TablePattern>() {
            Ok(pattern) => {
                let read_back = pattern.to_string().parse();
                prop_assert_eq!(read_back, Ok::<_, PatternError>(pattern));
            }
            Err(error) => prop_assert!(!error.hint().is_empty()),
        }
    }
}
