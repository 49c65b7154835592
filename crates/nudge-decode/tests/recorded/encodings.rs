//! Databases whose encoding is not UTF-8.

use crate::{SERVERS, bytes};
use nudge_decode::{Decoded, Decoder, Plugin, ServerEncoding, Unreadable};
use std::collections::BTreeMap;

/// What `names.sql` changes, as its payloads.
fn expected(name: &str, plugin: Plugin) -> Vec<String> {
    let key = match plugin {
        Plugin::TestDecoding => ["", "", "", ""],
        Plugin::Wal2Json => [":1", ":2", ":", name],
    };
    let [one, two, colon, value] = key;
    let mut expected = vec![format!("public.{name}{one}"), format!("public.{name}{one}")];
    if plugin == Plugin::Wal2Json {
        expected.push(format!("public.{name}{two}"));
    }
    let rest = [
        format!("public.key{colon}{value}"),
        format!("public.{name}2"), // INSERT
        format!("public.{name}2"), // DELETE, or its notice
        format!("public.{name}"),  // TRUNCATE
        format!("public.{name}2"),
        format!("public.{name}"), // the application's nudge
    ];
    expected.extend(rest);
    expected
}

/// Reads a recording, in which names have no newline.
fn decode(file: &str, plugin: Plugin, encoding: ServerEncoding) -> Vec<Result<String, Unreadable>> {
    let decoder = Decoder::new(plugin).with_encoding(encoding).with_keys().with_messages();
    let mut decoded = Vec::new();
    for line in bytes(file).split(|byte| *byte == b'\n') {
        let notice = line.windows(12).position(|text| text == b"  no tuple i");
        let json = line.starts_with(b"{");
        let message = match (plugin, notice) {
            (Plugin::Wal2Json, Some(at)) => decoder.decode_notice(&line[at + 2..], false),
            (Plugin::Wal2Json, None) if json => decoder.decode(line, false),
            (Plugin::TestDecoding, None) if !json && line != b"%%" && !line.is_empty() => {
                decoder.decode(line, false)
            }
            _ => continue,
        };
        match message {
            Decoded::Nudge(table) => decoded.push(Ok(table.to_string())),
            Decoded::Unreadable(why) => decoded.push(Err(why)),
            message => decoded.extend(message.identities().iter().map(|i| Ok(i.to_string()))),
        }
    }
    decoded
}

#[test]
fn names_come_out_right_in_every_encoding() {
    for (encoding, name) in [("LATIN1", "Käse"), ("EUC_JP", "日本語～テーブル"), ("WIN1251", "заказы")]
    {
        for server in SERVERS {
            for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
                let file = format!("names-{encoding}-{server}.bin");
                let mut decoded = decode(&file, plugin, ServerEncoding::from_name(encoding));
                let mut expected: Vec<_> = expected(name, plugin).into_iter().map(Ok).collect();
                // A notice does not keep its place in the recording.
                decoded.sort_by_key(|payload| payload.clone().unwrap());
                expected.sort_by_key(|payload| payload.clone().unwrap());
                assert_eq!(decoded, expected, "{plugin} {file}");
            }
        }
    }
}

/// In SQL_ASCII the bytes may mean anything. These are UTF-8, and that is none of our business.
#[test]
fn names_without_an_encoding_are_never_guessed() {
    for server in SERVERS {
        for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
            let file = format!("names-SQL_ASCII-{server}.bin");
            let decoded = decode(&file, plugin, ServerEncoding::from_name("SQL_ASCII"));
            let (read, unreadable): (Vec<_>, Vec<_>) = decoded.into_iter().partition(Result::is_ok);
            // The one table with a plain name; its key cannot be told.
            assert_eq!(read, [Ok("public.key".to_owned())], "{plugin} {file}");
            assert!(unreadable.iter().all(|why| *why == Err(Unreadable::NotText)), "{plugin} {file}");
            let tables = if plugin == Plugin::TestDecoding { 6 } else { 7 };
            assert_eq!(unreadable.len(), tables, "{plugin} {file}");
        }
    }
}

/// Each character that PostgreSQL converts to UTF-8 comes out as PostgreSQL converts it, but for
/// a few rare ones, which do not come out.
#[test]
fn every_character_is_postgresqls() {
    let conversions = String::from_utf8(bytes("conversions.txt")).unwrap();
    let mut unread = BTreeMap::<_, u32>::new();
    for line in conversions.lines() {
        let [encoding, lead, range, characters] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let hex = |text: &str| u8::from_str_radix(text, 16).unwrap();
        let (first, last) = range.split_once('-').map(|(first, last)| (hex(first), hex(last))).unwrap();
        let lead = lead.as_bytes()[1..].chunks(2).map(|digits| hex(str::from_utf8(digits).unwrap()));
        let lead: Vec<_> = lead.collect();
        assert_eq!(characters.chars().count(), usize::from(last - first) + 1, "{line}");
        for (byte, character) in (first..=last).zip(characters.chars()) {
            let sequence = [&lead[..], &[byte]].concat();
            match (name(encoding, &sequence), character) {
                (_, '\u{fffd}') => {}
                (Some(read), character) => {
                    assert_eq!(read, character.to_string(), "{encoding} {sequence:x?}");
                }
                (None, _) => *unread.entry(encoding).or_default() += 1,
            }
        }
    }
    assert_eq!(unread, BTreeMap::from([("EUC_JP", 106), ("EUC_KR", 1)]));
}

/// How a table with this name is read.
fn name(encoding: &str, name: &[u8]) -> Option<String> {
    let decoder = Decoder::new(Plugin::TestDecoding).with_encoding(ServerEncoding::from_name(encoding));
    match decoder.decode(&[b"table public.\"", name, b"\": INSERT:"].concat(), false) {
        Decoded::Change(tables) => Some(tables.as_slice()[0].table.table.to_string()),
        decoded => {
            assert_eq!(decoded, Decoded::Unreadable(Unreadable::NotText));
            None
        }
    }
}
