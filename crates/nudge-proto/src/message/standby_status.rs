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
/// The flushed position moves the slot: the server may forget the log before it. It also makes the client a candidate
/// for a synchronous standby, whatever it is (manual, "synchronous_standby_names"), as long as it is not
/// [zero](Lsn::ZERO), which stands for none. A server that shuts down waits until what it has sent is flushed, or
/// written where no flushed position is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandbyStatus {
    /// Everything before it has arrived.
    pub written: Lsn,
    /// Everything before it is not needed again. Zero: no position; one that was told before goes on to count for the
    /// slot.
    pub flushed: Lsn,
    /// Everything before it can be seen, on a standby that is asked. Zero: no position.
    pub applied: Lsn,
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
            for position in [self.written, self.flushed, self.applied] {
                out.put_u64(position.get());
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
    fn three_positions_a_clock_and_a_wish() {
        let mut out = vec![];
        let [written, flushed, applied] = [7, 6, 0].map(Lsn::new);
        StandbyStatus { written, flushed, applied, sent_at: -1, reply_requested: true }.put(&mut out);
        assert_eq!(
            out,
            b"d\0\0\0\x26r\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x01"
        );
    }
}
