//! Searches for bytes that break the law `startup`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::startup(bytes));
