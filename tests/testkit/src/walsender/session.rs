//! A whole session in one step, for tests whose subject begins with the stream.

use tokio::io::{AsyncRead, AsyncWrite};

use super::queries::{lsn_text, rows_answer, slot_answer};
use super::{BACKEND_KEY, Opening, Walsender};
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
    /// Teaches [`stream_from`](Self::stream_from) what to answer to statements that begin so. It
    /// knows SET, IDENTIFY_SYSTEM, the replication commands, and that `wal_sender_timeout` is a
    /// minute; what it is taught comes first.
    #[must_use]
    pub fn answering(mut self, prefix: &str, columns: &[&str], rows: &[&[Option<&str>]]) -> Self {
        let answer = rows_answer(columns, rows, &format!("SELECT {}", rows.len()));
        self.answers.push((prefix.to_owned(), answer));
        self
    }

    /// Teaches it what a feed with default knobs asks besides: everything that was committed can be
    /// seen, nothing runs while the slot is made, and no table is partitioned.
    #[must_use]
    pub fn answering_feeds(self) -> Self {
        let pid = BACKEND_KEY.0.to_string();
        self.answering("SELECT pg_catalog.pg_backend_pid()", &["?"], &[&[Some(&pid)]])
            .answering("PREPARE", &[], &[])
            .answering("EXECUTE pgnudge_view", &["?"; 9], &[&VIEW])
            .answering("EXECUTE pgnudge_lineage", &["?"; 5], &[])
            .answering("WITH RECURSIVE up", &["?"; 5], &[])
            .answering("SELECT WHERE", &[], &[])
            .answering("SELECT pg_catalog.set_config('search_path'", &["?"], &[&[Some("")]])
            .answering("SHOW data_directory_mode", &["?"], &[&[Some("0700")]])
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
            let answer = if streams { frames::copy_both_response() } else { self.answer_to(&sql, lsn)? };
            self.send(&answer).await?;
            queries.push(sql);
            if streams {
                return Ok(Opened { startup, queries });
            }
        }
    }

    /// One answer for each of the statements in a query. (No text in them has a semicolon.)
    fn answer_to(&self, sql: &str, lsn: u64) -> Result<Vec<u8>, Error> {
        let mut answer = Vec::new();
        for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            let taught = self.answers.iter().find(|(prefix, _)| statement.starts_with(prefix));
            let known = taught.map(|(_, answer)| answer.clone()).or_else(|| known_answer(statement, lsn));
            let unknown = || Error::new(format!("the script has no answer to {statement:?}"));
            answer.extend(known.ok_or_else(unknown)?);
        }
        answer.extend(frames::ready_for_query());
        Ok(answer)
    }
}

/// Everything can be seen, on a primary without synchronous standbys where no table lies above another.
const VIEW: [Option<&str>; 9] = {
    let [xmax, age, lsn, no] = ["2000000", "1999997", "0/1", "f"];
    [Some(xmax), Some(xmax), Some(age), Some(lsn), Some(lsn), Some(no), Some(""), Some(no), None]
};

fn known_answer(statement: &str, lsn: u64) -> Option<Vec<u8>> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    match words[..] {
        ["SET", ..] => Some(frames::command_complete("SET")),
        ["SHOW", "wal_sender_timeout"] => Some(rows_answer(&["?"], &[&[Some("1min")]], "SHOW")),
        ["SELECT", count, ..] if count.starts_with("pg_catalog.count") => {
            Some(rows_answer(&["count"], &[&[Some("7")]], "SELECT 1"))
        }
        // From pg_settings, which has it in milliseconds; and what set_config() returns.
        ["SELECT", ..] if statement.contains("'wal_sender_timeout'") => {
            Some(rows_answer(&["setting", "set_config"], &[&[Some("60000"), Some("1min")]], "SELECT 1"))
        }
        ["SELECT", xmax, ..] if xmax.starts_with("pg_catalog.pg_snapshot_xmax") => {
            Some(rows_answer(&["?"; 9], &[&VIEW], "SELECT 1"))
        }
        ["IDENTIFY_SYSTEM"] => {
            let columns = ["systemid", "timeline", "xlogpos", "dbname"];
            let row = [Some("7300000000000000000"), Some("1"), Some(&lsn_text(lsn)), Some("app")];
            Some(rows_answer(&columns, &[&row], "IDENTIFY_SYSTEM"))
        }
        ["CREATE_REPLICATION_SLOT", slot, "TEMPORARY", "LOGICAL", plugin, ..] => {
            Some(slot_answer(slot.trim_matches('"'), plugin.trim_matches('"'), lsn))
        }
        _ => None,
    }
}
