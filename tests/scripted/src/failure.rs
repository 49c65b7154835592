//! Failed attempts, as the feed's status tells them.

use std::time::Duration;

use nudge_engine::Error;
use nudge_engine::runtime::Status;
use tokio::sync::watch;

use crate::soon;

/// An attempt that failed, or a connection that ended.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// The pause that follows.
    pub delay: Duration,
    /// How many there were in a row.
    pub attempt: u32,
}

/// Waits for the next failure that this receiver has not seen yet.
pub async fn failure(status: &mut watch::Receiver<Status>) -> Failure {
    let failure = async {
        loop {
            status.changed().await.expect("the feed lives");
            if let Status::BackingOff { error, delay, attempt } = status.borrow_and_update().clone() {
                return Failure { error, delay, attempt };
            }
        }
    };
    soon("a failure", failure).await
}
