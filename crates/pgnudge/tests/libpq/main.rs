//! The same questions to us and to libpq itself.
//!
//! `oracle.c` is compiled with the system's C compiler (which linking a Rust
//! program needs anyway) and loads `libpq.so.5`. Without libpq these tests fail
//! and say how to go on: a comparison that silently did not take place proves
//! nothing. Variables:
//!
//! - `PGNUDGE_LIBPQ`: the library to load,
//! - `PGNUDGE_LIBPQ_RUNNER`: a command to run the oracle under,
//! - `PGNUDGE_WITHOUT_LIBPQ=1`: skip.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what a test needs and does not get fails the test"
)]

mod compare;
mod connection_cases;
mod connections;
mod difference;
mod keywords;
mod oracle;
mod scratch;
mod texts;
