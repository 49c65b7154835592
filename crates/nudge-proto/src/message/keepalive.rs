//! The server's sign of life.

use bytes::Buf;

use crate::{Lsn, Malformed};

/// Primary keepalive message.
///
/// ```text
/// 'k' | end of the log: Int64 | sent at: Int64 | reply requested: u8
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keepalive {
    end: Lsn,
    sent_at: i64,
    reply_requested: bool,
}

impl Keepalive {
    /// The kind byte inside CopyData.
    pub(crate) const KIND: u8 = b'k';

    /// `body` is what follows the kind byte.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        Self::fields(body).ok_or(Malformed::ReplicationMessage { kind: Self::KIND })
    }

    fn fields(mut body: &[u8]) -> Option<Self> {
        let end = Lsn::new(body.try_get_u64().ok()?);
        let sent_at = body.try_get_i64().ok()?;
        let reply_requested = body.try_get_u8().ok()? != 0;
        body.is_empty().then_some(Self { end, sent_at, reply_requested })
    }

    /// The server's current end of the log. It moves on although nothing is sent, for instance when
    /// other databases write; a client that never confirms it keeps log files alive and blocks a
    /// fast shutdown.
    pub fn end(&self) -> Lsn {
        self.end
    }

    /// The server's clock: microseconds since 2000-01-01 00:00 UTC.
    pub fn sent_at(&self) -> i64 {
        self.sent_at
    }

    /// Whether the server wants a standby status at once, or else ends the connection.
    pub fn reply_requested(&self) -> bool {
        self.reply_requested
    }
}
