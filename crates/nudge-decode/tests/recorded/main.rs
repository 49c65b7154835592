//! What real servers print, recorded by the scripts beside: PostgreSQL 15 with wal2json 2.5,
//! 17 with 2.6, 18 with 2.7.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests, outside of any test function")]

mod changes;
mod encodings;
mod keys;
mod messages;
mod settings;

use nudge_decode::{Decoded, Decoder};
use std::{fs, path::Path};

const SERVERS: [&str; 3] = ["pg15", "pg17", "pg18"];

/// The bytes of one recording.
fn bytes(file: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(file);
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The messages of one recording, in UTF-8.
fn messages(file: &str) -> Vec<String> {
    let text = String::from_utf8(bytes(file)).unwrap();
    text.trim_end_matches('\n').split("\n%%\n").map(str::to_owned).collect()
}

/// What each message says, one payload text per identity; transactions are left out.
fn payloads(decoder: &Decoder, messages: &[String]) -> Vec<Vec<String>> {
    let decoded = messages.iter().map(|message| (message, decoder.decode(message.as_bytes(), false)));
    let payloads = decoded.filter_map(|(message, decoded)| match decoded {
        Decoded::Change(identities) => Some(identities.iter().map(ToString::to_string).collect()),
        Decoded::Unreadable(why) => panic!("{why}: {message}"),
        Decoded::Begin { .. } | Decoded::Commit | Decoded::Nudge(_) | Decoded::Silent => None,
    });
    payloads.collect()
}
