//! The messages of a client, read.

use crate::error::Error;

/// A message of the client's, after the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrontendMessage {
    /// Query: SQL, or a replication command.
    Query(String),
    /// A password, or the data of a SASL mechanism: the same tag for all of them.
    Password(Vec<u8>),
    /// Standby status update, in CopyData.
    Status(StandbyStatus),
    /// Other CopyData.
    CopyData(Vec<u8>),
    /// CopyDone: the client ends the stream.
    CopyDone,
    /// Terminate: the client says goodbye.
    Terminate,
    /// Anything else, by its tag.
    Other(u8, Vec<u8>),
}

/// How far the client is.
/// ```text
/// CopyData: 'r' | written u64 | flushed u64 | applied u64 | clock i64 | reply wanted u8
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandbyStatus {
    /// The position up to which it has received.
    pub write: u64,
    /// The position that the server may forget everything before.
    pub flush: u64,
    /// The position up to which it has applied.
    pub apply: u64,
    /// Its clock, in microseconds since 2000-01-01.
    pub clock: i64,
    /// Whether it wants to hear from the server at once.
    pub reply_requested: bool,
}

impl FrontendMessage {
    pub(super) fn parse(tag: u8, body: &[u8]) -> Result<Self, Error> {
        Ok(match tag {
            b'Q' => Self::Query(query_text(body)?),
            b'p' => Self::Password(body.to_vec()),
            b'd' => match StandbyStatus::parse(body)? {
                Some(status) => Self::Status(status),
                None => Self::CopyData(body.to_vec()),
            },
            b'c' => Self::CopyDone,
            b'X' => Self::Terminate,
            other => Self::Other(other, body.to_vec()),
        })
    }
}

impl StandbyStatus {
    fn parse(body: &[u8]) -> Result<Option<Self>, Error> {
        let [b'r', fields @ ..] = body else { return Ok(None) };
        let numbers: Vec<u64> = fields
            .chunks_exact(8)
            .filter_map(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)))
            .collect();
        let (&[write, flush, apply, clock], [reply @ (0 | 1)]) = (&numbers[..], &fields[fields.len() & !7..])
        else {
            let body = body.escape_ascii();
            return Err(Error::new(format!("no standby status: \"{body}\"")));
        };
        let clock = clock.cast_signed();
        Ok(Some(Self { write, flush, apply, clock, reply_requested: *reply == 1 }))
    }
}

/// The text of a query, without the zero byte that must end it and must not be within it.
fn query_text(body: &[u8]) -> Result<String, Error> {
    let text = std::ffi::CStr::from_bytes_with_nul(body)
        .map_err(|error| Error::because("the client sent a query that is no text", error))?;
    Ok(text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_status_is_read_and_a_broken_one_is_not() {
        let mut body = b"r".to_vec();
        for number in [0x0102_u64, 3, 4, 5] {
            body.extend(number.to_be_bytes());
        }
        assert!(FrontendMessage::parse(b'd', &body).is_err(), "the reply flag is missing");
        body.push(1);
        let status = StandbyStatus { write: 0x0102, flush: 3, apply: 4, clock: 5, reply_requested: true };
        assert_eq!(FrontendMessage::parse(b'd', &body).unwrap(), FrontendMessage::Status(status));
        body.push(1);
        assert!(FrontendMessage::parse(b'd', &body).is_err(), "one byte too many");
    }

    #[test]
    fn other_messages_are_told_apart() {
        let parse = |tag, body: &[u8]| FrontendMessage::parse(tag, body).unwrap();
        assert_eq!(parse(b'Q', b"SELECT 1\0"), FrontendMessage::Query("SELECT 1".to_owned()));
        assert_eq!(parse(b'd', b"hot"), FrontendMessage::CopyData(b"hot".to_vec()));
        assert_eq!(parse(b'p', b"pw\0"), FrontendMessage::Password(b"pw\0".to_vec()));
        assert_eq!(parse(b'c', b""), FrontendMessage::CopyDone);
        assert_eq!(parse(b'X', b""), FrontendMessage::Terminate);
        assert_eq!(parse(b'B', b"x"), FrontendMessage::Other(b'B', b"x".to_vec()));
        assert!(FrontendMessage::parse(b'Q', b"no end").is_err());
    }
}
