//! Who serves this connection, and the key to cancel what it does.

use alloc::vec::Vec;
use core::fmt;

use bytes::{Buf, BufMut};

use super::tag;
use crate::Malformed;
use crate::frame::put_sized;

/// BackendKeyData, and the CancelRequest made from it.
///
/// ```text
/// 'K' | length | process id: Int32 | secret key: the rest (4 bytes in protocol 3.0)
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BackendKey {
    pid: i32,
    key: Vec<u8>,
}

impl BackendKey {
    pub(crate) fn parse(mut body: &[u8]) -> Result<Self, Malformed> {
        let malformed = Malformed::Body { tag: tag::BACKEND_KEY_DATA };
        let Ok(pid) = body.try_get_i32() else {
            return Err(malformed);
        };
        // Protocol 3.2 allows up to 256 bytes; 3.0, which we speak, always has 4.
        if body.is_empty() || body.len() > 256 {
            return Err(malformed);
        }
        Ok(Self { pid, key: body.to_vec() })
    }

    /// The server process, as `pg_stat_activity` and `pg_replication_slots.active_pid` show it.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Appends the CancelRequest for this backend. It is the only message of a connection of its own,
    /// and the server closes that connection without an answer.
    ///
    /// ```text
    /// length | 80877102: Int32 | process id: Int32 | secret key
    /// ```
    pub fn cancel_request(&self, out: &mut Vec<u8>) {
        put_sized(out, |out| {
            out.put_i32(CANCEL_REQUEST_CODE);
            out.put_i32(self.pid);
            out.put_slice(&self.key);
        });
    }
}

/// Whoever reads the key in a log could cancel the feed.
impl fmt::Debug for BackendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendKey").field("pid", &self.pid).field("key", &"<redacted>").finish()
    }
}

/// 1234 in the high half and 5678 in the low one: no protocol version looks like it.
const CANCEL_REQUEST_CODE: i32 = 80_877_102;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    #[test]
    fn a_cancel_request_names_the_backend_and_its_key() {
        let key = BackendKey::parse(b"\0\0\x04\xd2ABCD").unwrap();
        let mut out = vec![];
        key.cancel_request(&mut out);
        assert_eq!(out, b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\x04\xd2ABCD");
        assert_eq!(format!("{key:?}"), r#"BackendKey { pid: 1234, key: "<redacted>" }"#);
    }

    #[test]
    fn a_key_of_no_bytes_or_too_many_is_malformed() {
        assert!(BackendKey::parse(b"\0\0\0\x01").is_err());
        assert!(BackendKey::parse(&[0; 4 + 257]).is_err());
    }
}
