//! Builders of the messages that a server sends, as bytes.
//!
//! The layouts are those of the manual's page "Message Formats"
//! (<https://www.postgresql.org/docs/current/protocol-message-formats.html>). All numbers are
//! big-endian; a text ends with a zero byte. Every builder makes one whole message, so a
//! conversation is their concatenation.

mod authentication;
mod copy;
mod replication;
mod report;
mod rows;
mod session;

pub use authentication::{
    authentication_cleartext, authentication_md5, authentication_ok, authentication_request,
    authentication_sasl, authentication_sasl_continue, authentication_sasl_final,
};
pub use copy::{copy_both_response, copy_data, copy_done};
pub use replication::{primary_keepalive, xlog_data, xlog_data_at};
pub use report::{Report, error_response, notice_response};
pub use rows::{command_complete, data_row, empty_query_response, row_description};
pub use session::{
    backend_key_data, negotiate_protocol_version, notification_response, parameter_status, ready_for_query,
};

/// Any message.
/// ```text
/// tag u8 | length u32, counts itself and the body | body
/// ```
#[must_use]
pub fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = frame_header(tag, body.len());
    message.extend_from_slice(body);
    message
}

/// The first five bytes of a message whose body has that many bytes. For messages that are
/// cut off, that lie about their length, or that are too long to be held in one piece.
#[must_use]
pub fn frame_header(tag: u8, body: usize) -> Vec<u8> {
    // Nothing longer can be announced; a test that tries announces the longest message.
    let length = u32::try_from(body.saturating_add(4)).unwrap_or(u32::MAX);
    let mut header = vec![tag];
    header.extend_from_slice(&length.to_be_bytes());
    header
}

/// A text with the zero byte that ends it.
fn text(value: &str) -> impl Iterator<Item = u8> + '_ {
    value.bytes().chain([0])
}

/// A count as the protocol writes it before a list. No test has 32,768 columns.
fn count(items: usize) -> [u8; 2] {
    i16::try_from(items).unwrap_or(i16::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &[u8], expected: &[u8]) {
        assert_eq!(message.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    #[test]
    fn a_length_counts_itself_and_the_body() {
        check(&frame(b'Z', b"I"), b"Z\0\0\0\x05I");
        check(&frame_header(b'd', 1 << 30), b"d\x40\0\0\x04");
        check(&frame_header(b'd', usize::MAX), b"d\xff\xff\xff\xff");
    }

    #[test]
    fn authentication_requests_follow_the_manual() {
        check(&authentication_ok(), b"R\0\0\0\x08\0\0\0\0");
        check(&authentication_cleartext(), b"R\0\0\0\x08\0\0\0\x03");
        check(&authentication_md5(*b"salt"), b"R\0\0\0\x0c\0\0\0\x05salt");
        check(&authentication_sasl(&["A", "B"]), b"R\0\0\0\x0d\0\0\0\x0aA\0B\0\0");
        check(&authentication_sasl_continue(b"r=x"), b"R\0\0\0\x0b\0\0\0\x0br=x");
        check(&authentication_sasl_final(b"v=y"), b"R\0\0\0\x0b\0\0\0\x0cv=y");
    }

    #[test]
    fn session_messages_follow_the_manual() {
        check(&parameter_status("k", "v"), b"S\0\0\0\x08k\0v\0");
        check(&notification_response(1, "k", "v"), b"A\0\0\0\x0c\0\0\0\x01k\0v\0");
        check(&backend_key_data(258, 7), b"K\0\0\0\x0c\0\0\x01\x02\0\0\0\x07");
        check(&ready_for_query(), b"Z\0\0\0\x05I");
        check(&negotiate_protocol_version(0, &["_pq_.x"]), b"v\0\0\0\x13\0\0\0\0\0\0\0\x01_pq_.x\0");
    }

    #[test]
    fn reports_have_their_fields_in_the_servers_order() {
        let report = Report::new("WARNING", "01000", "m").hint("h");
        check(&notice_response(&report), b"N\0\0\0\x24SWARNING\0VWARNING\0C01000\0Mm\0Hh\0\0");
        check(&error_response(&report)[..1], b"E");
    }

    #[test]
    fn rows_follow_the_manual() {
        let description = row_description(&["a"]);
        check(&description, b"T\0\0\0\x1a\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
        check(&data_row(&[Some("xy"), None]), b"D\0\0\0\x10\0\x02\0\0\0\x02xy\xff\xff\xff\xff");
        check(&command_complete("SET"), b"C\0\0\0\x08SET\0");
        check(&empty_query_response(), b"I\0\0\0\x04");
    }

    #[test]
    fn copy_and_replication_messages_follow_the_manual() {
        check(&copy_both_response(), b"W\0\0\0\x07\0\0\0");
        check(&copy_done(), b"c\0\0\0\x04");
        let data = xlog_data(1, 2, b"BEGIN 7");
        let expected = b"d\0\0\0\x24w\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0BEGIN 7";
        check(&data, expected);
        let keepalive = primary_keepalive(3, true);
        check(&keepalive, b"d\0\0\0\x16k\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\x01");
    }
}
