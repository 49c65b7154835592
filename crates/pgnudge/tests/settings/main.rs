//! From a text and an imagined environment to settings.
//!
//! No test reads the process's variables or the disk, but for the one that
//! checks the documentation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not get fails the test"
)]

mod certificates;
mod documentation;
mod environment;
mod hosts;
mod imagined;
mod keywords;
mod passfile;
mod secrets;
mod service_file;
