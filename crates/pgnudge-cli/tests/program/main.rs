//! The program itself, in hostile hands: clients of the bridge that do not do their part, a server whose words are
//! meant for a terminal, and files and arguments with a secret in the wrong place. No PostgreSQL is needed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails its test")]

mod bridge;
mod hostile_server;
mod http;
mod logs;
mod running;
mod secrets;
#[cfg(target_os = "linux")]
mod termination;
mod words;
