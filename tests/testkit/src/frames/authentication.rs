//! What the server asks for before it lets somebody in: the messages with the tag `R`.
//! ```text
//! 'R' | length | request i32 | what belongs to the request
//! ```

use super::{frame, text};

/// AuthenticationOk: come in.
#[must_use]
pub fn authentication_ok() -> Vec<u8> {
    authentication_request(0, &[])
}

/// AuthenticationCleartextPassword.
#[must_use]
pub fn authentication_cleartext() -> Vec<u8> {
    authentication_request(3, &[])
}

/// AuthenticationMD5Password: four bytes of salt follow.
#[must_use]
pub fn authentication_md5(salt: [u8; 4]) -> Vec<u8> {
    authentication_request(5, &salt)
}

/// AuthenticationSASL: the names of the mechanisms, best first, then an empty one.
#[must_use]
pub fn authentication_sasl(mechanisms: &[&str]) -> Vec<u8> {
    let names = mechanisms.iter().flat_map(|name| text(name));
    authentication_request(10, &names.chain([0]).collect::<Vec<u8>>())
}

/// AuthenticationSASLContinue: the mechanism's data.
#[must_use]
pub fn authentication_sasl_continue(data: &[u8]) -> Vec<u8> {
    authentication_request(11, data)
}

/// AuthenticationSASLFinal: the mechanism's last data.
#[must_use]
pub fn authentication_sasl_final(data: &[u8]) -> Vec<u8> {
    authentication_request(12, data)
}

/// Any other request: 2 is Kerberos V5, 7 GSSAPI, 9 SSPI.
#[must_use]
pub fn authentication_request(request: u32, data: &[u8]) -> Vec<u8> {
    frame(b'R', &[&request.to_be_bytes(), data].concat())
}
