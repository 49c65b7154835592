//! A whole session in one step, for tests whose subject begins with the stream.

use tokio::io::{AsyncRead, AsyncWrite};

use super::queries::{lsn_text, rows_answer};
use super::{Opening, Walsender};
use crate::error::Error;
use crate::frames;

/// What a client did until its stream began.
#[derive(Debug)]
pub struct Opened {
    /// Its startup message.
    pub startup: Opening,
    /// Its queries, START_REPLICATION being the last one.
    pub queries: Vec<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Walsender<S> {
    /// Teaches [`stream_from`](Self::stream_from) what to answer to queries that begin so. (It
    /// knows SET, SHOW wal_sender_timeout, IDENTIFY_SYSTEM and the replication commands.)
    #[must_use]
    pub fn answering(mut self, prefix: &str, columns: &[&str], rows: &[&[Option<&str>]]) -> Self {
        let answer = rows_answer(columns, rows, &format!("SELECT {}", rows.len()));
        self.answers.push((prefix.to_owned(), answer));
        self
    }

    /// Lets the client in and answers whatever it asks, until its stream has begun; its slot is
    /// at that position.
    ///
    /// # Errors
    /// When the client asks something that the script has no answer for: the question.
    pub async fn stream_from(&mut self, lsn: u64) -> Result<Opened, Error> {
        let startup = self.handshake_trust().await?;
        let mut queries = Vec::new();
        loop {
            let sql = self.expect_query("").await?;
            let streams = sql.starts_with("START_REPLICATION");
            self.answer(&sql, lsn).await?;
            queries.push(sql);
            if streams {
                return Ok(Opened { startup, queries });
            }
        }
    }

    async fn answer(&mut self, sql: &str, lsn: u64) -> Result<(), Error> {
        if let Some((_, answer)) = self.answers.iter().find(|(prefix, _)| sql.starts_with(prefix)) {
            let answer = answer.clone();
            return self.send(&answer).await;
        }
        let words: Vec<&str> = sql.split_whitespace().collect();
        match words[..] {
            ["SET", ..] => self.answer_settings(sql).await,
            ["SHOW", "wal_sender_timeout"] => {
                self.answer_rows(&["wal_sender_timeout"], &[&[Some("1min")]]).await
            }
            ["IDENTIFY_SYSTEM"] => {
                let columns = ["systemid", "timeline", "xlogpos", "dbname"];
                let row = [Some("7300000000000000000"), Some("1"), Some(&lsn_text(lsn)), Some("app")];
                self.answer_rows(&columns, &[&row]).await
            }
            ["CREATE_REPLICATION_SLOT", slot, "TEMPORARY", "LOGICAL", plugin, ..] => {
                self.slot_created(slot.trim_matches('"'), plugin.trim_matches('"'), lsn).await
            }
            ["START_REPLICATION", ..] => self.start_streaming().await,
            _ => Err(Error::new(format!("the script has no answer to {sql:?}"))),
        }
    }

    /// One answer for each of the statements in a query. (No setting's value has a semicolon.)
    async fn answer_settings(&mut self, sql: &str) -> Result<(), Error> {
        let statements = sql.split(';').filter(|statement| !statement.trim().is_empty());
        let answers = statements.flat_map(|_| frames::command_complete("SET"));
        let answer: Vec<u8> = answers.chain(frames::ready_for_query()).collect();
        self.send(&answer).await
    }
}
