//! Searches for bytes that break the law `table_pattern`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::table_pattern(bytes));
