//! What holds for every input, as plain functions of bytes.
//!
//! A law takes whatever a server, a plugin, a file or a user could bring, and panics where it is
//! broken. The fuzz targets (`fuzz/fuzz_targets`, one per law) search for such bytes; the seeds
//! that they start from, and what they once found, are in `fuzz/seeds/LAW`, and a test of this
//! crate replays them with every other test. A law compares with something simpler where it can:
//! a naive model, a whole parser, the other side of the exchange.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken law is a panic, as in a test"
)]

mod bytes_arrive;
mod connection_text;
mod cut_heads;
mod imagined_files;
mod intake;
mod login_files;
mod query;
mod row_prefix;
mod scram;
mod startup;
mod stream_split;
mod table_pattern;
mod test_decoding;
mod wal2json;

pub use connection_text::connection_text;
pub use intake::intake;
pub use login_files::login_files;
pub use query::query;
pub use row_prefix::row_prefix;
pub use scram::scram;
pub use startup::startup;
pub use stream_split::stream_split;
pub use table_pattern::table_pattern;
pub use test_decoding::test_decoding;
pub use wal2json::wal2json;

/// A law, and its name: that of its fuzz target and of its seeds' directory.
pub type Law = (&'static str, fn(&[u8]));

/// Every law.
pub const LAWS: [Law; 11] = [
    ("startup", startup),
    ("scram", scram),
    ("query", query),
    ("stream_split", stream_split),
    ("wal2json", wal2json),
    ("test_decoding", test_decoding),
    ("row_prefix", row_prefix),
    ("intake", intake),
    ("table_pattern", table_pattern),
    ("connection_text", connection_text),
    ("login_files", login_files),
];
