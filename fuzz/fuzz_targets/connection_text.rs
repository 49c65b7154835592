//! Searches for bytes that break the law `connection_text`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::connection_text(bytes));
