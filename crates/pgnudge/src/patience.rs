//! A limit for connecting.

use std::future::Future;
use std::time::Duration;

use nudge_engine::runtime::{Blocker, Feed, Status};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{Error, ErrorKind};

/// The outcome, or the last error after that time.
pub(crate) async fn within(
    limit: Duration,
    mut status: watch::Receiver<Status>,
    connecting: impl Future<Output = Result<Feed, Error>>,
) -> Result<Feed, Error> {
    let mut last = None;
    let errors = async {
        loop {
            match &*status.borrow_and_update() {
                Status::BackingOff { error, .. } => last = Some(error.clone()),
                Status::WaitingForSlot { blocker: Some(blocker), .. } => last = Some(behind(blocker)),
                _ => {}
            }
            if status.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    };
    let outcome = tokio::select! {
        biased;
        outcome = timeout(limit, connecting) => outcome,
        never = errors => never,
    };
    outcome.unwrap_or_else(|_| {
        let message = format!("given up after {limit:?}");
        let message = last.as_ref().map_or(message.clone(), |error| format!("{message}: {error}"));
        let (kind, hint) =
            last.as_ref().map_or((ErrorKind::Timeout, None), |error| (error.kind(), error.hint()));
        let given_up = Error::transient(kind, message);
        Err(match hint {
            Some(hint) => given_up.with_hint(hint.to_owned()),
            None => given_up,
        })
    })
}

fn behind(blocker: &Blocker) -> Error {
    Error::transient(ErrorKind::Timeout, format!("the replication slot waits for {blocker}"))
        .with_hint("end that transaction: a slot waits for every one that was writing when it was asked for")
}
