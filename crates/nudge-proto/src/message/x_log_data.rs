//! What the stream is for.

use bytes::Buf;

use crate::{Lsn, Malformed};

/// XLogData: one message of the output plugin.
///
/// ```text
/// 'w' | start of the data: Int64 | end of the log: Int64 | sent at: Int64 | data
/// ```
///
/// For logical decoding both positions are that of the change itself; with a commit they are the
/// end of the commit record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct XLogData<'a> {
    start: Lsn,
    end: Lsn,
    sent_at: i64,
    head: &'a [u8],
    cut: bool,
}

impl<'a> XLogData<'a> {
    /// The kind byte inside CopyData.
    pub(crate) const KIND: u8 = b'w';

    /// `body` is what follows the kind byte.
    pub(crate) fn parse(mut body: &'a [u8], cut: bool) -> Result<Self, Malformed> {
        let mut field = || body.try_get_u64().map_err(|_| Malformed::ReplicationMessage { kind: Self::KIND });
        let (start, end, sent_at) = (Lsn::new(field()?), Lsn::new(field()?), field()?.cast_signed());
        Ok(Self { start, end, sent_at, head: body, cut })
    }

    /// Position of the first byte of the data.
    pub fn start(&self) -> Lsn {
        self.start
    }

    /// The server's current end of the log.
    pub fn end(&self) -> Lsn {
        self.end
    }

    /// The server's clock: microseconds since 2000-01-01 00:00 UTC.
    pub fn sent_at(&self) -> i64 {
        self.sent_at
    }

    /// The beginning of what the plugin wrote, up to [`Limits::head`](crate::Limits::head).
    pub fn head(&self) -> &'a [u8] {
        self.head
    }

    /// Whether the plugin wrote more than the head.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}
