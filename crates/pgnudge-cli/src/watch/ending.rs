//! What ends a watch by itself: `--once`, `--until-idle`.

use std::time::Duration;

use pgnudge::{FeedItem, Status};
use tokio::sync::watch;

/// When enough was seen.
#[derive(Debug)]
pub(super) struct Ending {
    once: bool,
    idle: Option<Duration>,
    /// Whether the feed has begun: its first item is a Resync that stands for no change.
    begun: bool,
}

impl Ending {
    /// With the first item that stands for a change, or when nothing has come for that long.
    pub(super) fn new(once: bool, idle: Option<Duration>) -> Self {
        Self { once, idle, begun: false }
    }

    /// Whether this was the last item.
    pub(super) fn is_reached_with(&mut self, item: &FeedItem) -> bool {
        let stands_for_a_change =
            std::mem::replace(&mut self.begun, true) || matches!(item, FeedItem::Batch { .. });
        self.once && stands_for_a_change
    }

    /// Ends when the feed has been live for the whole of that time. Without a connection nothing is known
    /// to be idle, so a connection that is made anew begins it anew.
    pub(super) async fn idle(&self, mut status: watch::Receiver<Status>) {
        let Some(time) = self.idle else { return std::future::pending().await };
        loop {
            let streams = |status: &Status| matches!(status, Status::Streaming { .. });
            if status.wait_for(streams).await.is_err() {
                return std::future::pending().await;
            }
            let interrupted = status.wait_for(|status| !streams(status));
            if tokio::time::timeout(time, interrupted).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgnudge::{Lsn, Plugin, Reason, SlotName};
    use tokio::time::{Instant, sleep};

    const S: Duration = Duration::from_secs(1);

    fn streaming() -> Status {
        let slot = SlotName::new("s").unwrap();
        Status::Streaming { slot, backend_pid: 1, plugin: Plugin::TestDecoding, unchecked: None }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_live_feed_is_idle() {
        let (status, watching) = watch::channel(Status::Connecting { attempt: 0 });
        let began = Instant::now();
        let connection = async {
            sleep(10 * S).await;
            status.send_replace(streaming());
            sleep(3 * S).await;
            status.send_replace(Status::Connecting { attempt: 1 });
            sleep(10 * S).await;
            status.send_replace(streaming());
            std::future::pending::<()>().await;
        };
        let ending = Ending::new(false, Some(5 * S));
        tokio::select! {
            () = ending.idle(watching) => {}
            () = connection => {}
        }
        assert_eq!(began.elapsed(), 28 * S);
    }

    #[test]
    fn once_means_the_first_item_that_stands_for_a_change() {
        let resync = |reason| FeedItem::Resync { reason, lsn: Lsn::ZERO };
        let batch = FeedItem::Batch { events: Vec::new(), lsn: Lsn::ZERO };
        for second in [resync(Reason::Undecodable), resync(Reason::Reconnected), batch] {
            let (mut once, mut endless) = (Ending::new(true, None), Ending::new(false, None));
            assert!(!once.is_reached_with(&resync(Reason::Connected)));
            assert!(once.is_reached_with(&second), "{second:?}");
            assert!(!endless.is_reached_with(&second) && !endless.is_reached_with(&second));
        }
    }
}
