//! Nudges of an application, and other logical messages.

use crate::{SERVERS, messages};
use nudge_decode::{Decoded, Decoder, Plugin, Unreadable};

/// What `messages.sql` says in transactions that commit: a table, or no name of a table.
const EXPECTED: &[Option<&str>] = &[
    Some("public.orders"),
    Some("public.orders"), // the row
    Some("We.ird \"S.a, b"),
    Some("new\nline.no such table"),
    Some("public.käse"),
    Some("public.x, sz: 9 content:"),
    None,
    None,
    None,
    None,
    Some("public.done"),
];

const RECORDINGS: [(Plugin, &str); 2] =
    [(Plugin::TestDecoding, "test_decoding"), (Plugin::Wal2Json, "wal2json")];

fn said(decoder: &Decoder, messages: &[String]) -> Vec<Option<String>> {
    let mut transaction = false;
    let mut said = Vec::new();
    for message in messages {
        match decoder.decode(message.as_bytes(), false) {
            Decoded::Begin { xid } => transaction = xid.is_some(),
            Decoded::Commit => transaction = false,
            Decoded::Change(tables) => {
                // The visibility check needs the id of the transaction (rule R13).
                assert!(transaction, "{message}");
                said.extend(tables.iter().map(|table| Some(table.to_string())));
            }
            Decoded::Nudge(table) => {
                assert!(transaction, "{message}");
                said.push(Some(table.to_string()));
            }
            Decoded::Unreadable(why) => {
                assert_eq!(why, Unreadable::Nudge, "{message}");
                said.push(None);
            }
            Decoded::Silent => {}
        }
    }
    said
}

#[test]
fn both_plugins_say_what_the_application_said() {
    for server in SERVERS {
        for (plugin, file) in RECORDINGS {
            let decoder = Decoder::new(plugin).with_messages();
            let said = said(&decoder, &messages(&format!("messages-{file}-{server}.txt")));
            let expected: Vec<_> = EXPECTED.iter().map(|table| table.map(str::to_owned)).collect();
            assert_eq!(said, expected, "{plugin} {server}");
        }
    }
}

/// Only the row is left.
#[test]
fn messages_are_silent_unless_asked_for() {
    for server in SERVERS {
        for (plugin, file) in RECORDINGS {
            let messages = messages(&format!("messages-{file}-{server}.txt"));
            let said = said(&Decoder::new(plugin), &messages);
            assert_eq!(said, [Some("public.orders".to_owned())], "{plugin} {server}");
        }
    }
}
