#![doc = include_str!("../README.md")]
//!
//! # Reading the source
//!
//! - `decoder.rs`: what is read of a stream; `plugin.rs`: the two plugins.
//! - `test_decoding.rs`, `wal2json.rs`: a plugin's START_REPLICATION options and, beside them,
//!   the grammar of what it then prints.
//! - `wal2json/row_key.rs`: the primary key of a changed row; `wal2json/notice.rs`: the warnings
//!   that stand for changes which wal2json leaves out; `wal2json/add_tables.rs`: a filter in
//!   wal2json's own notation.
//! - `application_nudge.rs`: a logical message that is a change.
//! - `decoded.rs`, `identity.rs`, `table_ref.rs`, `key.rs`: what comes out.
//! - `table_pattern.rs`, `table_filter.rs`, `pattern_error.rs`: which tables the user wants.
//! - `head.rs`: reading a head that may be cut; `sql_identifier.rs`, `json_string.rs`: the two
//!   notations of a name; `server_encoding.rs`: its bytes.
//! - `text_form.rs`, `key_json.rs`: what the feature `serde` writes and reads.
#![no_std]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

extern crate alloc;

mod application_nudge;
mod decoded;
mod decoder;
mod head;
mod identity;
mod json_string;
mod key;
#[cfg(feature = "serde")]
mod key_json;
mod pattern_error;
mod plugin;
mod row_prefix;
mod server_encoding;
mod sql_identifier;
mod table_filter;
mod table_pattern;
mod table_ref;
mod test_decoding;
#[cfg(feature = "serde")]
mod text_form;
mod wal2json;

pub use decoded::{Decoded, Unreadable};
pub use decoder::Decoder;
pub use identity::{Identities, Identity};
pub use key::{Key, KeyColumn, KeyValue};
pub use pattern_error::{PatternError, PatternFault};
pub use plugin::{Plugin, UnknownPlugin};
pub use row_prefix::RowPrefix;
pub use server_encoding::ServerEncoding;
pub use table_filter::TableFilter;
pub use table_pattern::TablePattern;
pub use table_ref::TableRef;
