//! Searches for bytes that break the law `wal2json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::wal2json(bytes));
