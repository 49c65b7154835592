//! What can go wrong, by whose doing.

use alloc::boxed::Box;
use core::fmt;

use crate::message::ErrorResponse;

/// Why a machine stopped. Once a machine has returned an error, it returns the same one for ever.
///
/// The variants separate by cause: [`Malformed`](Error::Malformed) bytes, bytes that are well formed
/// but out of turn, a server that we refuse to trust, and a server that refused us.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke the grammar of the protocol.
    #[error("the server broke the protocol: {0}")]
    Malformed(#[from] Malformed),
    /// The message is legal in PostgreSQL's protocol, but not now.
    #[error("the server sent message {} while the client was in {phase}", Tag(*.tag))]
    Unexpected {
        /// The message's tag.
        tag: u8,
        /// What the client was doing.
        phase: Phase,
    },
    /// We refused to go on: continuing would not have been safe.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The server said no.
    #[error("{0}")]
    Server(Box<ErrorResponse>),
    /// The machine had already yielded its session and was called again: a bug of the caller.
    #[error("the protocol machine was used after its end")]
    Finished,
}

impl From<ErrorResponse> for Error {
    fn from(response: ErrorResponse) -> Self {
        Self::Server(Box::new(response))
    }
}

/// The stretch of the protocol that a machine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// From the startup message to the first ReadyForQuery.
    Startup,
    /// Between a simple query and its ReadyForQuery.
    Query,
    /// From START_REPLICATION on.
    Stream,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Startup => "start-up",
            Self::Query => "a query",
            Self::Stream => "the replication stream",
        })
    }
}

/// How the peer's bytes broke the grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A length that counts less than itself.
    #[error("message {} announces a length of {length}", Tag(*.tag))]
    Length {
        /// The message's tag.
        tag: u8,
        /// The length as it was announced.
        length: i32,
    },
    /// A message that has to be read as a whole is longer than [`Limits::head`](crate::Limits::head).
    #[error("message {} has {length} bytes, more than it may have", Tag(*.tag))]
    TooLong {
        /// The message's tag.
        tag: u8,
        /// Bytes of the body.
        length: usize,
    },
    /// The body does not have the fields that its tag promises.
    #[error("message {} does not have the fields that it should", Tag(*.tag))]
    Body {
        /// The message's tag.
        tag: u8,
    },
    /// A replication message does not have the fields that its kind promises.
    #[error("replication message {} does not have the fields that it should", Tag(*.kind))]
    ReplicationMessage {
        /// The first byte of the CopyData message.
        kind: u8,
    },
    /// The reply to SSLRequest is none of `S`, `N`.
    #[error("the reply to SSLRequest is {}, not S or N: is this a PostgreSQL server?", Tag(*.byte))]
    SslReply {
        /// The byte that came.
        byte: u8,
    },
    /// A message of the SCRAM exchange is not what RFC 5802 says.
    #[error("the server's SCRAM message is not valid: {0}")]
    Scram(&'static str),
}

/// Why we refused to go on with this server. What it offered was legal, and not safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The server wants a password and none was given.
    #[error("the server asks for a password and none was given")]
    NoPassword,
    /// The password or the MD5 hash of it would travel in the clear.
    #[error("the server asks for a password in {0}, which is not sent outside of TLS")]
    Unencrypted(AuthMethod),
    /// The method is not among the allowed ones.
    #[error("the server asks for authentication by {0}, which is not allowed here")]
    MethodNotAllowed(AuthMethod),
    /// The server let us in without asking anything, although authentication is required.
    #[error("the server did not ask for authentication, although it is required")]
    NoAuthentication,
    /// An authentication method that this client does not speak.
    #[error("the server asks for authentication by {0}, which this client does not speak")]
    Unsupported(&'static str),
    /// Channel binding is required and cannot be had.
    #[error("channel binding is required, {0}")]
    ChannelBinding(&'static str),
    /// More rounds of PBKDF2 than [`Limits::scram_iterations`](crate::Limits::scram_iterations).
    #[error("the server asks for {asked} SCRAM iterations, more than the {limit} that are allowed")]
    Iterations {
        /// What the server asked for.
        asked: u32,
        /// What is allowed.
        limit: u32,
    },
    /// The server could not prove that it knows the password: it is an impostor, or lies in between.
    #[error("the server does not know the password: its SCRAM signature is wrong")]
    ServerSignature,
    /// The server said that the login is done before it proved that it knows the password.
    #[error("the server ended authentication before proving that it knows the password")]
    UnprovenServer,
    /// A zero byte cannot be sent in a password message.
    #[error("the password contains a zero byte, which this authentication method cannot carry")]
    ZeroByte,
}

/// How a server may ask a client to authenticate, of what this client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMethod {
    /// The password as it is.
    Password,
    /// A salted MD5 hash of it.
    Md5,
    /// SCRAM-SHA-256, with channel binding or without.
    ScramSha256,
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "clear text",
            Self::Md5 => "MD5",
            Self::ScramSha256 => "SCRAM-SHA-256",
        })
    }
}

/// A byte of the peer, printable whatever it is.
struct Tag(u8);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.escape_ascii())
    }
}
