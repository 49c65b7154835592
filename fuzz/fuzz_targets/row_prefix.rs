//! Searches for bytes that break the law `row_prefix`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::row_prefix(bytes));
