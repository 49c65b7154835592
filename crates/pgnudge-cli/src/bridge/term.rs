//! A term as the active bridge: the feed, and everybody whom it wakes.

use std::convert::Infallible;

use pgnudge::Hub;

use crate::bridge::Bridge;
use crate::failure::Failure;

impl Bridge {
    /// Connects the feed and fans it out, for ever. Dropping it is the end of the term: the feed is
    /// closed, and whoever listens over HTTP is sent away to come back.
    pub(super) async fn term(&self) -> Result<Infallible, Failure> {
        let builder = self.feed.hub_builder();
        let tenure = self.stage.begin(builder.status());
        let feed = builder.connect().await?;
        let hub = Hub::new(feed);
        let onlooker = hub.subscription().debounce(std::time::Duration::ZERO).subscribe()?;
        let listeners = match &self.notifier {
            Some(_) => Some(self.feed.subscription(&hub).subscribe()?),
            None => None,
        };
        tenure.open(&hub);
        drop(hub);
        let notifying = async {
            match (&self.notifier, listeners) {
                (Some(notifier), Some(items)) => notifier.run(items).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            never = self.board.follow(onlooker) => match never {},
            failure = notifying => Ok(failure?),
        }
    }
}
