//! Searches for bytes that break the law `login_files`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pgnudge_laws::login_files(bytes));
