//! The copy phase, which both sides send data in.

use super::frame;

/// CopyBothResponse, as START_REPLICATION is answered: from now on both sides send CopyData.
/// ```text
/// 'W' | length | format u8 (0: text) | count of columns i16 (0)
/// ```
#[must_use]
pub fn copy_both_response() -> Vec<u8> {
    frame(b'W', &[0; 3])
}

/// CopyData: a message of the replication stream.
/// ```text
/// 'd' | length | data
/// ```
#[must_use]
pub fn copy_data(data: &[u8]) -> Vec<u8> {
    frame(b'd', data)
}

/// CopyDone: the server ends the stream.
/// ```text
/// 'c' | length
/// ```
#[must_use]
pub fn copy_done() -> Vec<u8> {
    frame(b'c', &[])
}
