//! What committed just before the slot's start (rule R13).
//!
//! A transaction whose commit record lies before the consistent point is not decoded: the refetch that
//! follows the Resync has to see it. But it may still be in the server's list of running ones, for
//! there is a moment between its record and its end, and with synchronous standbys a long one. So those
//! that run when the slot is there are waited for, on the same session, before the stream is asked for.
//! Most of them commit later, and will be decoded; which they are the server does not tell, and so the
//! wait is short.

use std::collections::HashSet;
use std::ffi::CStr;
use std::time::Duration;

use nudge_proto::DataRow;
use tokio::time::timeout;

use crate::Error;
use crate::policy::diagnosis::{self, Stage};
use crate::policy::visibility;
use crate::runtime::clock;
use crate::runtime::login::{Conversation, lossy};

/// Waits until every transaction that is running now has ended, but no longer than `patience`. Each
/// answer may take `limit`.
pub(crate) async fn settle(
    mut conversation: Conversation,
    patience: Duration,
    limit: Duration,
) -> Result<Conversation, Error> {
    let end = clock::now() + patience;
    let late = |_| Err(diagnosis::timeout(Stage::Session, "connect_timeout"));
    let mut doubtful: Option<HashSet<u64>> = None;
    for tries in 0.. {
        let (back, mut running) = timeout(limit, running(conversation)).await.unwrap_or_else(late)?;
        conversation = back;
        if let Some(doubtful) = &doubtful {
            running.retain(|xid| doubtful.contains(xid));
        }
        let now = clock::now();
        if running.is_empty() || now >= end {
            break;
        }
        doubtful = Some(running);
        if let Some(pause) = visibility::pause(tries) {
            clock::sleep_until(end.min(now + pause)).await;
        }
    }
    Ok(conversation)
}

/// The ids of the transactions in progress.
async fn running(conversation: Conversation) -> Result<(Conversation, HashSet<u64>), Error> {
    let mut running = HashSet::new();
    let keep = |row: DataRow<'_>| {
        if running.len() < MOST_PROCESSES {
            running.extend(row.columns().next().and_then(lossy).and_then(|xid| xid.parse::<u64>().ok()));
        }
    };
    let (conversation, outcome) = conversation.query_rows(RUNNING, Stage::Session, keep).await?;
    outcome.map_err(|response| diagnosis::server(Stage::Session, &response))?;
    Ok((conversation, running))
}

/// See "Transaction ID and Snapshot Information Functions" in the manual.
const RUNNING: &CStr = c"SELECT pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot())";

/// A server has at most 2¹⁸ of them; what says more is none.
const MOST_PROCESSES: usize = 1 << 18;
