//! What the stream is for.

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
    #[inline]
    pub(crate) fn parse(body: &'a [u8], cut: bool) -> Result<Self, Malformed> {
        Self::fields(body, cut).ok_or(Malformed::ReplicationMessage { kind: Self::KIND })
    }

    #[inline]
    fn fields(body: &'a [u8], cut: bool) -> Option<Self> {
        let (&start, body) = body.split_first_chunk()?;
        let (&end, body) = body.split_first_chunk()?;
        let (&sent_at, head) = body.split_first_chunk()?;
        let [start, end] = [start, end].map(u64::from_be_bytes).map(Lsn::new);
        Some(Self { start, end, sent_at: i64::from_be_bytes(sent_at), head, cut })
    }

    /// Position of the first byte of the data.
    pub fn start(&self) -> Lsn {
        self.start
    }

    /// The server's current end of the log.
    #[inline]
    pub fn end(&self) -> Lsn {
        self.end
    }

    /// The server's clock: microseconds since 2000-01-01 00:00 UTC.
    pub fn sent_at(&self) -> i64 {
        self.sent_at
    }

    /// The beginning of what the plugin wrote, up to [`Limits::head`](crate::Limits::head).
    #[inline]
    pub fn head(&self) -> &'a [u8] {
        self.head
    }

    /// Whether the plugin wrote more than the head.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}
