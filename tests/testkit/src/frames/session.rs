//! What the server tells about a session that it has let in.

use super::{frame, text};

/// ParameterStatus: the value of a setting, at the start and whenever it changes.
/// ```text
/// 'S' | length | name text | value text
/// ```
#[must_use]
pub fn parameter_status(name: &str, value: &str) -> Vec<u8> {
    frame(b'S', &text(name).chain(text(value)).collect::<Vec<u8>>())
}

/// NotificationResponse: a NOTIFY on a channel that the session listens on, at any time.
/// ```text
/// 'A' | length | process id i32 | channel text | payload text
/// ```
#[must_use]
pub fn notification_response(pid: i32, channel: &str, payload: &str) -> Vec<u8> {
    let texts = text(channel).chain(text(payload));
    frame(b'A', &pid.to_be_bytes().into_iter().chain(texts).collect::<Vec<u8>>())
}

/// BackendKeyData: what a cancel request must show. (From protocol 3.2 on the key may be
/// longer; no version of pgnudge asks for that protocol.)
/// ```text
/// 'K' | length | process id i32 | key i32
/// ```
#[must_use]
pub fn backend_key_data(pid: i32, key: i32) -> Vec<u8> {
    frame(b'K', &[pid.to_be_bytes(), key.to_be_bytes()].concat())
}

/// ReadyForQuery, outside of a transaction.
/// ```text
/// 'Z' | length | 'I' (idle; 'T' in a transaction, 'E' in a failed one)
/// ```
#[must_use]
pub fn ready_for_query() -> Vec<u8> {
    frame(b'Z', b"I")
}

/// NegotiateProtocolVersion: the newest minor version of protocol 3 that this server has, and
/// the options of the startup message that it does not know.
/// ```text
/// 'v' | length | minor version i32 | count i32 | option text ...
/// ```
#[must_use]
pub fn negotiate_protocol_version(minor: i32, unknown: &[&str]) -> Vec<u8> {
    let count = i32::try_from(unknown.len()).unwrap_or(i32::MAX);
    let mut body = [minor.to_be_bytes(), count.to_be_bytes()].concat();
    body.extend(unknown.iter().flat_map(|option| text(option)));
    frame(b'v', &body)
}
