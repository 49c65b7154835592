#![doc = include_str!("../README.md")]
//!
//! # Reading the source
//!
//! - `plugin.rs`: the two plugins, and which file reads which.
//! - `test_decoding.rs`, `wal2json.rs`: a plugin's START_REPLICATION options and, beside them,
//!   the grammar of what it then prints.
//! - `wal2json/notice.rs`: the warnings that stand for changes which wal2json leaves out;
//!   `wal2json/add_tables.rs`: a filter in wal2json's own notation.
//! - `decoded.rs`, `table_ref.rs`: what comes out.
//! - `table_pattern.rs`, `table_filter.rs`, `pattern_error.rs`: which tables the user wants.
//! - `head.rs`: reading a head that may be cut; `sql_identifier.rs`, `json_string.rs`: the two
//!   notations of a name.
#![no_std]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

extern crate alloc;

mod decoded;
mod head;
mod json_string;
mod pattern_error;
mod plugin;
mod sql_identifier;
mod table_filter;
mod table_pattern;
mod table_ref;
mod test_decoding;
mod wal2json;

pub use decoded::{Decoded, Unreadable};
pub use pattern_error::{PatternError, PatternFault};
pub use plugin::{Plugin, UnknownPlugin};
pub use table_filter::TableFilter;
pub use table_pattern::TablePattern;
pub use table_ref::{TableRef, Tables};
