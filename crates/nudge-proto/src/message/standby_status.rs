//! The client's sign of life.

use alloc::vec::Vec;

use bytes::BufMut;

use crate::Lsn;
use crate::frame::put_frame;

/// Standby status update: how far the client has come.
///
/// ```text
/// 'd' | length | 'r' | written: Int64 | flushed: Int64 | applied: Int64 | sent at: Int64 | reply requested: u8
/// ```
///
/// The server may forget the log before the flushed position. A client that never resumes reports
/// one position for all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandbyStatus {
    /// Everything before it has arrived and is not needed again.
    pub position: Lsn,
    /// The client's clock: microseconds since 2000-01-01 00:00 UTC. The server shows it and does not
    /// act on it.
    pub sent_at: i64,
    /// Whether the server shall answer with a keepalive at once.
    pub reply_requested: bool,
}

impl StandbyStatus {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_frame(out, b'd', |out| {
            out.put_u8(b'r');
            for _ in ["written", "flushed", "applied"] {
                out.put_u64(self.position.get());
            }
            out.put_i64(self.sent_at);
            out.put_u8(u8::from(self.reply_requested));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn one_position_three_times() {
        let mut out = vec![];
        StandbyStatus { position: Lsn::new(7), sent_at: -1, reply_requested: true }.put(&mut out);
        assert_eq!(
            out,
            b"d\0\0\0\x26r\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x07\xff\xff\xff\xff\xff\xff\xff\xff\x01"
        );
    }
}
