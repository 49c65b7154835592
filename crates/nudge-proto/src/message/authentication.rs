//! What the server asks for before it lets us in.

use bytes::Buf;

use super::{split_cstr, tag};
use crate::Malformed;

/// The `Authentication*` messages, told apart by their first field.
///
/// ```text
/// 'R' | length | code: Int32 | fields of that code
/// ```
#[derive(Debug, PartialEq)]
pub(crate) enum Authentication<'a> {
    Ok,
    CleartextPassword,
    Md5Password {
        salt: [u8; 4],
    },
    Sasl(SaslOffer),
    SaslContinue(&'a [u8]),
    SaslFinal(&'a [u8]),
    /// A method that we know by name only.
    Unsupported(&'static str),
}

/// The mechanisms of AuthenticationSASL that this client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SaslOffer {
    pub(crate) scram_sha_256: bool,
    pub(crate) scram_sha_256_plus: bool,
}

impl<'a> Authentication<'a> {
    pub(crate) fn parse(mut body: &'a [u8]) -> Result<Self, Malformed> {
        let malformed = Malformed::Body { tag: tag::AUTHENTICATION };
        let Ok(code) = body.try_get_i32() else {
            return Err(malformed);
        };
        Ok(match code {
            0 => Self::Ok,
            3 => Self::CleartextPassword,
            5 => Self::Md5Password { salt: body.try_into().map_err(|_| malformed)? },
            10 => Self::Sasl(SaslOffer::parse(body).ok_or(malformed)?),
            11 => Self::SaslContinue(body),
            12 => Self::SaslFinal(body),
            2 => Self::Unsupported("Kerberos V5"),
            7 | 8 => Self::Unsupported("GSSAPI"),
            9 => Self::Unsupported("SSPI"),
            _ => Self::Unsupported("a method unknown to it"),
        })
    }
}

impl SaslOffer {
    /// Strings, one per mechanism, and an empty one at the end.
    fn parse(mut list: &[u8]) -> Option<Self> {
        let mut offer = Self::default();
        loop {
            let (mechanism, rest) = split_cstr(list)?;
            match mechanism {
                b"" => return Some(offer),
                b"SCRAM-SHA-256" => offer.scram_sha_256 = true,
                b"SCRAM-SHA-256-PLUS" => offer.scram_sha_256_plus = true,
                _ => {}
            }
            list = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_that_nobody_knows_are_passed_over() {
        let body = b"\0\0\0\x0aSCRAM-SHA-512\0SCRAM-SHA-256\0\0";
        let offer = SaslOffer { scram_sha_256: true, scram_sha_256_plus: false };
        assert_eq!(Authentication::parse(body), Ok(Authentication::Sasl(offer)));
    }

    #[test]
    fn a_body_without_its_fields_is_malformed() {
        for body in [&b""[..], b"\0\0\0", b"\0\0\0\x05abc", b"\0\0\0\x05abcde", b"\0\0\0\x0aSCRAM-SHA-256\0"]
        {
            assert!(Authentication::parse(body).is_err(), "{body:?}");
        }
    }
}
