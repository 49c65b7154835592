//! Whoever takes items: the library's feed, or the program's output.

use std::future::Future;
use std::time::Duration;

use pgnudge::Feed;
use tokio::time::timeout;

use crate::evidence::ensure;
use crate::{Failure, Item};

/// A source of items, one after another.
pub trait Consumer {
    /// The next item.
    ///
    /// # Errors
    /// When none comes for a minute, which is long for the slowest machine.
    fn next_item(&mut self) -> impl Future<Output = Result<Item, Failure>>;

    /// The next item, which has to be a resync for that reason.
    ///
    /// # Errors
    /// When it is something else.
    fn resync(&mut self, expected: &str) -> impl Future<Output = Result<Item, Failure>> {
        async move {
            let item = self
                .next_item()
                .await
                .map_err(|failure| failure.within(format!("Resync({expected}) has not come")))?;
            ensure!(item.resync_reason() == Some(expected), "not Resync({expected}) but {item:?}");
            Ok(item)
        }
    }
}

impl Consumer for Feed {
    async fn next_item(&mut self) -> Result<Item, Failure> {
        let item = timeout(PATIENCE, self.next()).await;
        let item = item.map_err(|_| Failure::new(format!("no item within {PATIENCE:?}; {self:?}")))?;
        Ok(item.into())
    }
}

/// How long to wait for what has to come. Only a failure ever waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
