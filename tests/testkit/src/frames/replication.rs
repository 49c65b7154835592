//! What a walsender puts into CopyData, from the manual's page "Streaming Replication Protocol".
//!
//! The clock in them (microseconds since 2000-01-01) is 0 unless a script keeps one: scripts repeat byte
//! for byte.

use super::copy_data;

/// XLogData: what the output plugin printed for one change.
/// ```text
/// CopyData: 'w' | start of the change u64 | current end of the WAL u64 | clock i64 | payload
/// ```
#[must_use]
pub fn xlog_data(start: u64, end: u64, payload: &[u8]) -> Vec<u8> {
    xlog_data_at(NO_CLOCK, start, end, payload)
}

/// The same, sent at that time.
#[must_use]
pub fn xlog_data_at(clock: i64, start: u64, end: u64, payload: &[u8]) -> Vec<u8> {
    let clock = clock.to_be_bytes();
    copy_data(&[b"w", &start.to_be_bytes()[..], &end.to_be_bytes(), &clock, payload].concat())
}

/// Primary keepalive: how far the server is, and whether it wants to hear from us at once.
/// ```text
/// CopyData: 'k' | current end of the WAL u64 | clock i64 | reply wanted u8
/// ```
#[must_use]
pub fn primary_keepalive(end: u64, reply: bool) -> Vec<u8> {
    copy_data(&[b"k", &end.to_be_bytes()[..], &NO_CLOCK.to_be_bytes(), &[u8::from(reply)]].concat())
}

const NO_CLOCK: i64 = 0;
