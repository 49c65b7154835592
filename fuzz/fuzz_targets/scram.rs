//! Searches for bytes that break the law `scram`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::scram(bytes));
