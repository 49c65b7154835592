//! The first messages of a connection, which have no tag.
//! ```text
//! length u32 | code u32 | what belongs to the code
//! ```

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Walsender, announced_length, unexpected};
use crate::error::Error;

/// A first message of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// SSLRequest; the answer is one byte, `S` or `N`.
    Ssl,
    /// GSSENCRequest; the answer is one byte, `G` or `N`.
    Gss,
    /// CancelRequest, with the process id and key of BackendKeyData. There is no answer.
    Cancel(i32, i32),
    /// StartupMessage: the protocol's version and the parameters, in the client's order.
    Startup(u32, Vec<(String, String)>),
}

impl Opening {
    fn parse(code: u32, body: &[u8]) -> Option<Self> {
        match code {
            80_877_103 => Some(Self::Ssl),
            80_877_104 => Some(Self::Gss),
            80_877_102 => {
                let (pid, key) = body.split_at_checked(4)?;
                let [pid, key] = [pid.try_into().ok()?, key.try_into().ok()?];
                Some(Self::Cancel(i32::from_be_bytes(pid), i32::from_be_bytes(key)))
            }
            version => Some(Self::Startup(version, parameters(body)?)),
        }
    }

    /// The value of a parameter of the startup message.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let Self::Startup(_, parameters) = self else { return None };
        parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Walsender<S> {
    /// The first message, or the next one after a refused request for encryption.
    ///
    /// # Errors
    /// When the connection ends before it, or it is none of the four.
    pub async fn next_opening(&mut self) -> Result<Opening, Error> {
        let length = announced_length(self.peek(4).await?)?;
        let message = self.take(length).await?;
        let opening = message[4..].split_first_chunk();
        let opening = opening.and_then(|(code, body)| Opening::parse(u32::from_be_bytes(*code), body));
        opening.ok_or_else(|| unexpected("a first message", &message.escape_ascii().to_string()))
    }

    /// The startup message. Requests for encryption before it are refused.
    ///
    /// # Errors
    /// When something else comes first.
    pub async fn expect_startup(&mut self) -> Result<Opening, Error> {
        loop {
            match self.next_opening().await? {
                Opening::Ssl | Opening::Gss => self.send(b"N").await?,
                startup @ Opening::Startup(..) => return Ok(startup),
                other => return Err(unexpected("a startup message", &other)),
            }
        }
    }
}

/// `(name text | value text) ... | 0`
fn parameters(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).ok()?.strip_suffix('\0')?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let texts: Vec<&str> = text.strip_suffix('\0')?.split('\0').collect();
    let (pairs, []) = texts.as_chunks() else { return None };
    Some(pairs.iter().map(|[name, value]| ((*name).to_owned(), (*value).to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_startup_message_has_pairs_and_an_end() {
        let opening = Opening::parse(196_608, b"user\0me\0options\0\0\0").unwrap();
        assert_eq!(opening.parameter("user"), Some("me"));
        assert_eq!(opening.parameter("options"), Some(""));
        assert_eq!(opening.parameter("database"), None);
        assert_eq!(Opening::parse(196_608, b"\0"), Some(Opening::Startup(196_608, Vec::new())));
        assert_eq!(Opening::parse(196_608, b"user\0me\0"), None);
        assert_eq!(Opening::parse(196_608, b"user\0\0"), None);
    }

    #[test]
    fn a_cancel_request_shows_process_and_key() {
        let body = [258_i32.to_be_bytes(), 7_i32.to_be_bytes()].concat();
        assert_eq!(Opening::parse(80_877_102, &body), Some(Opening::Cancel(258, 7)));
        assert_eq!(Opening::parse(80_877_102, &body[..7]), None);
    }
}
