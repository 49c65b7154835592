//! Letting the client in: without a password, or with one that it must know.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{FrontendMessage, Opening, Walsender, unexpected};
use crate::error::Error;
use crate::frames::{self, Report};
use crate::scram::ScramServer;

impl<S: AsyncRead + AsyncWrite + Unpin> Walsender<S> {
    /// Lets the client in without a password, up to ReadyForQuery. Returns its startup message.
    ///
    /// # Errors
    /// When the client does something else.
    pub async fn handshake_trust(&mut self) -> Result<Opening, Error> {
        let startup = self.expect_startup().await?;
        self.welcome().await?;
        Ok(startup)
    }

    /// Lets the client in with SCRAM-SHA-256 (or -PLUS), up to ReadyForQuery, unless the server
    /// is one that the client should run away from. Returns its startup message.
    ///
    /// # Errors
    /// When the client does something else, which it should do if the server is dishonest; when
    /// its password is wrong, after it was told so.
    pub async fn handshake_scram(&mut self, server: ScramServer) -> Result<Opening, Error> {
        let startup = self.expect_startup().await?;
        self.send(&frames::authentication_sasl(server.mechanisms())).await?;
        let (mechanism, client_first) = self.expect_sasl_initial().await?;
        let shows_signature = server.shows_signature();
        let exchange = server.begin(&mechanism, &client_first)?;
        self.send(&frames::authentication_sasl_continue(exchange.server_first().as_bytes())).await?;
        let client_final = self.expect_password_message().await?;
        let Some(server_final) = exchange.finish(&client_final)? else {
            return Err(self.refuse_password().await?);
        };
        if shows_signature {
            self.send(&frames::authentication_sasl_final(server_final.as_bytes())).await?;
        }
        self.welcome().await?;
        Ok(startup)
    }

    /// AuthenticationOk and everything up to ReadyForQuery, as after any authentication.
    ///
    /// # Errors
    /// When the client has closed the connection.
    pub async fn welcome(&mut self) -> Result<(), Error> {
        let mut welcome = frames::authentication_ok();
        for (name, value) in [
            ("client_encoding", "UTF8"),
            ("integer_datetimes", "on"),
            ("server_version", &self.server_version),
            ("standard_conforming_strings", "on"),
        ] {
            welcome.extend(frames::parameter_status(name, value));
        }
        welcome.extend(frames::backend_key_data(BACKEND_KEY.0, BACKEND_KEY.1));
        welcome.extend(frames::ready_for_query());
        self.send(&welcome).await
    }

    /// A password as text: the answer to a request for a cleartext or MD5 password.
    ///
    /// # Errors
    /// When the client sends something else.
    pub async fn expect_password(&mut self) -> Result<String, Error> {
        let body = self.expect_password_message().await?;
        let text = std::str::from_utf8(&body).ok().and_then(|text| text.strip_suffix('\0'));
        text.map(str::to_owned).ok_or_else(|| unexpected("a password", &body.escape_ascii().to_string()))
    }

    async fn expect_password_message(&mut self) -> Result<Vec<u8>, Error> {
        match self.next().await? {
            FrontendMessage::Password(body) => Ok(body),
            other => Err(unexpected("a password message", &other)),
        }
    }

    /// `mechanism text | length i32 | data`
    async fn expect_sasl_initial(&mut self) -> Result<(String, Vec<u8>), Error> {
        let body = self.expect_password_message().await?;
        let parts = body.iter().position(|byte| *byte == 0).map(|end| (&body[..end], &body[end + 1..]));
        if let Some((mechanism, [a, b, c, d, data @ ..])) = parts
            && usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])) == Ok(data.len())
        {
            return Ok((String::from_utf8_lossy(mechanism).into_owned(), data.to_vec()));
        }
        Err(unexpected("a SASLInitialResponse", &body.escape_ascii().to_string()))
    }

    async fn refuse_password(&mut self) -> Result<Error, Error> {
        let report = Report::new("FATAL", "28P01", "password authentication failed");
        self.send(&frames::error_response(&report)).await?;
        Ok(Error::new("the client's password is wrong"))
    }
}

/// The process id and the key that every client is welcomed with: what a cancel request must show.
pub const BACKEND_KEY: (i32, i32) = (4711, 815);
