//! The server's side of a replication connection, as a script.
//!
//! A test says, step by step, what the server does: `expect_*` takes the next message of the
//! client and fails on any other, `answer_*` and `send_*` write. The manual's pages are
//! "Message Flow" and "Streaming Replication Protocol".

mod authentication;
mod frontend;
mod opening;
mod queries;
mod session;
mod streaming;

pub use authentication::BACKEND_KEY;
pub use frontend::{FrontendMessage, StandbyStatus};
pub use opening::Opening;
pub use session::Opened;

use std::fmt;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::Error;

/// A walsender over any stream: a TCP connection, or one end of `tokio::io::duplex`.
///
/// Reading is cancel-safe: what has arrived of a message waits for the next call.
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pgnudge_testkit::Error> {
/// use pgnudge_testkit::{Walsender, frames};
///
/// let (client, server) = tokio::io::duplex(64 * 1024);
/// let script = async {
///     let mut walsender = Walsender::new(server);
///     walsender.stream_from(0x100).await?;
///     walsender.send_xlog_data(0x100, 0x200, b"BEGIN 7").await?;
///     walsender.expect_status().await
/// };
/// # drop(client);
/// # assert!(script.await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Walsender<S> {
    stream: S,
    unread: Vec<u8>,
    server_version: String,
    /// Statements that begin so, and the bytes that answer them.
    answers: Vec<(String, Vec<u8>)>,
}

/// How the client left, and what it said before.
#[derive(Debug)]
pub struct Goodbye {
    /// Every message that had not been read yet.
    pub messages: Vec<FrontendMessage>,
    /// Whether it reset the connection (a hard abort), instead of closing it.
    pub reset: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Walsender<S> {
    /// A walsender of a server of version 15.0.
    pub fn new(stream: S) -> Self {
        Self { stream, unread: Vec::new(), server_version: "15.0".to_owned(), answers: Vec::new() }
    }

    /// Of another version, as the setting `server_version` tells it.
    #[must_use]
    pub fn server_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.server_version);
        self
    }

    /// The stream itself, for what no script has words for. (To go on over TLS, for example.)
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Writes bytes: a message of [`frames`](crate::frames), several, or a part of one.
    ///
    /// # Errors
    /// When the client has closed the connection.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| Error::because("the script cannot write to the client", error))
    }

    /// The next message of the client's, whatever it is. (Not the first one: that has no tag.)
    ///
    /// # Errors
    /// When the connection ends before it.
    pub async fn next(&mut self) -> Result<FrontendMessage, Error> {
        let header = self.peek(5).await?;
        let tag = header[0];
        let length = announced_length(&header[1..])?;
        let message = self.take(1 + length).await?;
        FrontendMessage::parse(tag, &message[5..])
    }

    /// Waits until the client has left.
    ///
    /// # Errors
    /// When it leaves within a message, or the connection fails in another way than by a reset.
    pub async fn expect_goodbye(&mut self) -> Result<Goodbye, Error> {
        let mut messages = Vec::new();
        loop {
            match self.fill().await {
                Ok(0) if self.unread.is_empty() => return Ok(Goodbye { messages, reset: false }),
                Ok(0) => return Err(Error::new("the client left within a message")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Ok(Goodbye { messages, reset: true });
                }
                Err(error) => return Err(Error::because("the script cannot read", error)),
            }
            while self.holds_a_message()? {
                messages.push(self.next().await?);
            }
        }
    }

    fn holds_a_message(&self) -> Result<bool, Error> {
        match self.unread.get(1..5) {
            Some(length) => Ok(self.unread.len() > announced_length(length)?),
            None => Ok(false),
        }
    }

    /// The first bytes of what is to come, which stay unread.
    async fn peek(&mut self, length: usize) -> Result<&[u8], Error> {
        while self.unread.len() < length {
            match self.fill().await {
                Ok(0) => return Err(self.closed()),
                Ok(_) => {}
                Err(error) => return Err(Error::because("the script cannot read", error)),
            }
        }
        Ok(&self.unread[..length])
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        self.peek(length).await?;
        Ok(self.unread.drain(..length).collect())
    }

    /// Reads once; 0 is the end.
    async fn fill(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.unread).await
    }

    fn closed(&self) -> Error {
        let unread = self.unread.escape_ascii();
        Error::new(format!(
            "the client closed the connection while the script waited for it; unread: \"{unread}\""
        ))
    }
}

/// The length in a message, which counts its own four bytes.
fn announced_length(bytes: &[u8]) -> Result<usize, Error> {
    let length = <[u8; 4]>::try_from(bytes).map(u32::from_be_bytes).unwrap_or_default();
    match usize::try_from(length) {
        Ok(length) if (4..=LONGEST_MESSAGE).contains(&length) => Ok(length),
        _ => Err(Error::new(format!("the client announces a message of {length} bytes"))),
    }
}

/// No client has so much to say; whoever announces more has lost its way in the protocol.
const LONGEST_MESSAGE: usize = 1 << 20;

/// What the script expected and what came instead.
fn unexpected(expected: &str, came: &impl fmt::Debug) -> Error {
    Error::new(format!("the script expected {expected}, and the client sent {came:?}"))
}
