//! The question that comes before everything else: do you speak TLS?

use alloc::vec::Vec;

use bytes::BufMut;

use crate::Malformed;
use crate::frame::put_sized;

/// Appends an SSLRequest: `length | 80877103: Int32`.
pub fn ssl_request(out: &mut Vec<u8>) {
    put_sized(out, |out| out.put_i32(80_877_103));
}

/// The server's reply, a single byte outside of any message.
///
/// Read it into a buffer of **one byte**: then bytes that somebody stuffed behind it, before TLS
/// begins, cannot be taken for the server's words inside TLS (CVE-2021-23222).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslReply {
    /// `S`: begin the TLS handshake now.
    Willing,
    /// `N`: the server has no TLS; go on in the clear, or not at all.
    Unwilling,
}

impl SslReply {
    /// Everything but `S` and `N` is an error, an ErrorResponse too: its text would be unauthenticated
    /// and may come from somebody in between (CVE-2024-10977).
    pub fn from_byte(byte: u8) -> Result<Self, Malformed> {
        match byte {
            b'S' => Ok(Self::Willing),
            b'N' => Ok(Self::Unwilling),
            byte => Err(Malformed::SslReply { byte }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_request_and_its_replies() {
        let mut out = vec![];
        ssl_request(&mut out);
        assert_eq!(out, b"\0\0\0\x08\x04\xd2\x16\x2f");
        assert_eq!(SslReply::from_byte(b'S'), Ok(SslReply::Willing));
        assert_eq!(SslReply::from_byte(b'N'), Ok(SslReply::Unwilling));
        assert_eq!(SslReply::from_byte(b'E'), Err(Malformed::SslReply { byte: b'E' }));
    }
}
