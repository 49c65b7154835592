//! Searches for bytes that break the law `test_decoding`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::test_decoding(bytes));
