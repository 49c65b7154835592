//! Odd settings of a role or a database.

use crate::{SERVERS, messages, payloads};
use nudge_decode::{Decoder, Plugin};

const ODD: [&str; 2] = ["public.odd", "public.odd"];

/// `quote_all_identifiers`, `search_path` and the like change no name.
#[test]
fn odd_settings_change_no_table() {
    for server in SERVERS {
        for file in ["odd", "session"] {
            let messages = messages(&format!("settings-{file}-{server}.txt"));
            let (json, lines): (Vec<_>, Vec<_>) = messages.into_iter().partition(|m| m.starts_with('{'));
            assert_eq!(
                payloads(&Decoder::new(Plugin::TestDecoding), &lines).concat(),
                ODD,
                "{file} {server}"
            );
            assert_eq!(payloads(&Decoder::new(Plugin::Wal2Json), &json).concat(), ODD, "{file} {server}");
        }
    }
}

/// They would change keys, but for the settings of [`Decoder::SESSION`].
#[test]
fn the_session_makes_keys_exact() {
    let exact = "public.odd:0.12345678901234568,0102ff5c,2020-02-03 04:05:06.789+00,2020-02-03,\
        1 year 2 days 03:04:05,$1,234.50,public.odd";
    let decoder = Decoder::new(Plugin::Wal2Json).with_keys();
    for server in SERVERS {
        let mut messages = messages(&format!("settings-session-{server}.txt"));
        messages.retain(|message| message.starts_with('{'));
        assert_eq!(payloads(&decoder, &messages).concat(), [exact, "public.odd"], "{server}");
    }
}

/// What was recorded is what the decoder asks for.
#[test]
fn the_recording_used_the_settings_of_the_session() {
    let (_, script) = include_str!("settings.sql").split_once("peek_changes('w'").unwrap();
    for (name, value) in Decoder::SESSION {
        assert!(script.contains(&format!("SET {name} = '{value}';\n")), "{name}");
    }
}
