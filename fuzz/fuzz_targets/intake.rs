//! Searches for bytes that break the law `intake`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::intake(bytes));
