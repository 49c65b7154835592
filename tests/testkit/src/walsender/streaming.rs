//! The stream: from the answer to START_REPLICATION on, both sides send CopyData.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{FrontendMessage, StandbyStatus, Walsender, unexpected};
use crate::error::Error;
use crate::frames::{self, Report};

impl<S: AsyncRead + AsyncWrite + Unpin> Walsender<S> {
    /// Answers START_REPLICATION.
    ///
    /// # Errors
    /// When the client has closed the connection; so do all the others here.
    pub async fn start_streaming(&mut self) -> Result<(), Error> {
        self.send(&frames::copy_both_response()).await
    }

    /// Sends what the output plugin printed for one change.
    ///
    /// # Errors
    /// See [`start_streaming`](Self::start_streaming).
    pub async fn send_xlog_data(&mut self, start: u64, end: u64, payload: &[u8]) -> Result<(), Error> {
        self.send(&frames::xlog_data(start, end, payload)).await
    }

    /// Sends a keepalive.
    ///
    /// # Errors
    /// See [`start_streaming`](Self::start_streaming).
    pub async fn send_keepalive(&mut self, end: u64, reply: bool) -> Result<(), Error> {
        self.send(&frames::primary_keepalive(end, reply)).await
    }

    /// Sends a notice into the stream.
    ///
    /// # Errors
    /// See [`start_streaming`](Self::start_streaming).
    pub async fn send_notice(&mut self, report: &Report) -> Result<(), Error> {
        self.send(&frames::notice_response(report)).await
    }

    /// Sends an error, which ends the stream; with FATAL a server closes the connection too.
    ///
    /// # Errors
    /// See [`start_streaming`](Self::start_streaming).
    pub async fn send_error(&mut self, report: &Report) -> Result<(), Error> {
        self.send(&frames::error_response(report)).await
    }

    /// The next message, which must be a standby status.
    ///
    /// # Errors
    /// When the client sends something else.
    pub async fn expect_status(&mut self) -> Result<StandbyStatus, Error> {
        match self.next().await? {
            FrontendMessage::Status(status) => Ok(status),
            other => Err(unexpected("a standby status", &other)),
        }
    }
}
