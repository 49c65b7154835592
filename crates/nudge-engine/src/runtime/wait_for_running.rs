//! What committed just before the slot's start (rule R13).
//!
//! A transaction whose commit record lies before the consistent point is not decoded: the refetch that
//! follows the Resync has to see it. But it may still be in the server's list of running ones, for
//! there is a moment between its record and its end, and with synchronous standbys a long one. So those
//! that run when the slot is there are waited for, on the same session, before the stream is asked for.
//! Most of them commit later, and will be decoded; which they are the server does not say, and so the
//! wait is short.

use std::ffi::CString;
use std::time::Duration;

use nudge_decode::TableFilter;
use nudge_proto::DataRow;
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::policy::server_view::ServerView;
use crate::policy::{Snapshot, Unseen, question, visibility};
use crate::runtime::clock;
use crate::runtime::login::{Conversation, lossy};
use crate::{Error, ErrorKind};

/// Waits until every transaction that is running now has ended, but no longer than `patience`. Returns those
/// that have not. Each answer may take `limit`.
pub(crate) async fn wait_for_running(
    mut conversation: Conversation,
    patience: Duration,
    limit: Duration,
) -> Result<(Conversation, Unseen), Error> {
    let begin = clock::now();
    let end = begin + patience;
    let late = |_| Err(diagnosis::timeout(Stage::Session, "connect_timeout"));
    let mut first: Option<Snapshot> = None;
    let mut tries = 0;
    loop {
        let (back, snapshot) = timeout(limit, snapshot(conversation)).await.unwrap_or_else(late)?;
        conversation = back;
        let first = first.get_or_insert_with(|| snapshot.clone());
        let now = clock::now();
        if !first.outlasts(&snapshot) || now >= end {
            return Ok((conversation, first.unended(&snapshot)));
        }
        if let Some(pause) = visibility::pause(tries, now.saturating_duration_since(begin)) {
            clock::sleep_until(end.min(now + pause)).await;
        }
        tries += 1;
    }
}

async fn snapshot(conversation: Conversation) -> Result<(Conversation, Snapshot), Error> {
    let (mut view, mut rows, mut understood) = (ServerView::default(), 0, true);
    let each = |row: DataRow<'_>| {
        rows += 1;
        let columns: Vec<_> = row.columns().map(lossy).collect();
        understood &= rows <= MOST_PROCESSES && view.read(&columns).is_some();
    };
    let unreadable =
        || Error::transient(ErrorKind::Protocol, "the server's answer about its state cannot be read");
    let sql = CString::new(question::view(&TableFilter::default())).map_err(|_| unreadable())?;
    let (conversation, outcome) = conversation.query_rows(&sql, Stage::Session, each).await?;
    outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
    if understood && view.is_complete() { Ok((conversation, view.snapshot)) } else { Err(unreadable()) }
}

/// A server has at most 2¹⁸ of them; what says more is none.
const MOST_PROCESSES: usize = 1 << 18;
