//! Searches for bytes that break the law `stream_split`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::stream_split(bytes));
