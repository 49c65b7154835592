//! Simple queries and replication commands: what the client asks, and the answers.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{FrontendMessage, Walsender, unexpected};
use crate::error::Error;
use crate::frames::{self, Report};

impl<S: AsyncRead + AsyncWrite + Unpin> Walsender<S> {
    /// The text of a query that begins so.
    ///
    /// # Errors
    /// When the client sends something else.
    pub async fn expect_query(&mut self, prefix: &str) -> Result<String, Error> {
        match self.next().await? {
            FrontendMessage::Query(sql) if sql.starts_with(prefix) => Ok(sql),
            other => Err(unexpected(&format!("a query {prefix:?}…"), &other)),
        }
    }

    /// Answers with rows of text.
    ///
    /// # Errors
    /// When the client has closed the connection.
    pub async fn answer_rows(&mut self, columns: &[&str], rows: &[&[Option<&str>]]) -> Result<(), Error> {
        let answer = rows_answer(columns, rows, &format!("SELECT {}", rows.len()));
        self.send(&[answer, frames::ready_for_query()].concat()).await
    }

    /// Answers that a command without rows is done; the tag is the command's word, like `SET`.
    ///
    /// # Errors
    /// When the client has closed the connection.
    pub async fn answer_command(&mut self, tag: &str) -> Result<(), Error> {
        self.send(&[frames::command_complete(tag), frames::ready_for_query()].concat()).await
    }

    /// Answers with an error; unless it is FATAL, the session goes on.
    ///
    /// # Errors
    /// When the client has closed the connection.
    pub async fn answer_error(&mut self, report: &Report) -> Result<(), Error> {
        self.send(&[frames::error_response(report), frames::ready_for_query()].concat()).await
    }

    /// Answers CREATE_REPLICATION_SLOT.
    ///
    /// # Errors
    /// When the client has closed the connection.
    pub async fn slot_created(&mut self, name: &str, plugin: &str, lsn: u64) -> Result<(), Error> {
        self.send(&[slot_answer(name, plugin, lsn), frames::ready_for_query()].concat()).await
    }
}

/// The answer to a statement that gives rows. ReadyForQuery is not in it: that comes once, after
/// the last statement of a query.
pub(super) fn rows_answer(columns: &[&str], rows: &[&[Option<&str>]], tag: &str) -> Vec<u8> {
    let mut answer = frames::row_description(columns);
    answer.extend(rows.iter().flat_map(|row| frames::data_row(row)));
    answer.extend(frames::command_complete(tag));
    answer
}

/// The answer to CREATE_REPLICATION_SLOT.
pub(super) fn slot_answer(name: &str, plugin: &str, lsn: u64) -> Vec<u8> {
    let columns = ["slot_name", "consistent_point", "snapshot_name", "output_plugin"];
    let row = [Some(name), Some(&lsn_text(lsn)), None, Some(plugin)];
    rows_answer(&columns, &[&row], "CREATE_REPLICATION_SLOT")
}

/// A position as the server writes it: two hexadecimal halves.
pub(super) fn lsn_text(lsn: u64) -> String {
    tokio_postgres::types::PgLsn::from(lsn).to_string()
}
