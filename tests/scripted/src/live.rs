//! A feed that streams: where most tests begin.

use std::time::Duration;

use nudge_engine::Knobs;
use nudge_engine::runtime::Feed;
use pgnudge_testkit::frames;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::{Backend, Connecting, Network, S, Server, settle, soon, timed, wakeup};

/// A live feed, its network, and the server process that streams to it.
pub struct Live {
    /// For the connections to come.
    pub network: Network,
    /// The other end of the stream.
    pub backend: Backend,
    /// The product. Its `Resync(Connected)` is taken already.
    pub feed: Feed,
}

impl Live {
    /// A feed with these knobs.
    pub async fn new(knobs: Knobs) -> Self {
        Self::on(Network::new(), knobs).await
    }

    /// A feed on such a network.
    pub async fn on(network: Network, knobs: Knobs) -> Self {
        let mut live = Self::unread(network, knobs).await;
        assert_eq!(live.next().await, "connected");
        live
    }

    /// A feed of which nothing was taken yet.
    pub async fn unread(mut network: Network, knobs: Knobs) -> Self {
        let connecting = network.connect(knobs);
        let mut backend = network.accept().await;
        backend.streams().await;
        Self { feed: connecting.live().await, backend, network }
    }

    /// A feed of such a server. Nothing was taken yet.
    pub async fn of(server: Server, knobs: Knobs) -> Self {
        let mut network = Network::new();
        let (connecting, mut backend) = with_a_slot(&mut network, server, knobs).await;
        backend.starts().await;
        Self { feed: connecting.live().await, backend, network }
    }

    /// A feed of a standby.
    pub async fn of_standby(knobs: Knobs) -> Self {
        let mut network = Network::new();
        let connecting = network.connect(knobs);
        let mut backend = network.accept().await;
        backend.lets_in().await;
        backend.sends(&frames::parameter_status("in_hot_standby", "on")).await;
        backend.prepares_as(Server { standby: true, ..Server::default() }).await;
        backend.makes_slot().await;
        backend.starts().await;
        let mut live = Self { feed: connecting.live().await, backend, network };
        assert_eq!(live.next().await, "connected");
        live
    }

    /// These messages of the plugin arrive in pieces of such sizes, in turn; the feed reads each before
    /// it gets the next one.
    pub async fn prints_in_pieces(&mut self, messages: &[String], sizes: &[usize]) {
        let printed = messages.iter().map(|message| frames::xlog_data(1, 2, message.as_bytes()));
        let bytes: Vec<u8> = printed.flatten().collect();
        let (mut rest, mut sizes) = (&bytes[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*sizes.next().expect("a size")));
            self.backend.sends(piece).await;
            rest = later;
            yield_now().await;
        }
    }

    /// The feed's next item, as text.
    pub async fn next(&mut self) -> String {
        wakeup(&soon("the next item", self.feed.next()).await)
    }

    /// Nothing is pending, and nothing comes for longer than any window is open.
    pub async fn is_quiet(&mut self) {
        let item = timeout(5 * S, self.feed.next()).await;
        assert!(item.is_err(), "{item:?}");
    }

    /// When the next statuses come, each counted from the one before, and whether an answer is asked
    /// for. It is given.
    pub async fn cadence<const N: usize>(&mut self) -> [(Duration, bool); N] {
        let mut told = [(Duration::ZERO, false); N];
        for told in &mut told {
            let (pause, status) = timed(self.backend.status()).await;
            *told = (pause, status.reply_requested);
            if status.reply_requested {
                self.backend.send_keepalive(0, false).await.expect("the feed is there");
            }
        }
        told
    }

    /// Takes the statuses that follow the beginning, until there is one per interval.
    pub async fn calms(&mut self, interval: Duration) {
        while self.cadence::<1>().await[0].0 < interval {}
    }

    /// The connection is closed, if it is not over already, and the feed makes another one that
    /// streams. What it says then is the test's to take.
    pub async fn reconnects(self) -> Self {
        let Self { mut network, backend, feed } = self;
        drop(backend);
        let mut backend = network.accept().await;
        backend.streams().await;
        settle().await;
        Self { network, backend, feed }
    }
}

/// A feed whose slot has just been made, on such a server.
pub async fn with_a_slot(network: &mut Network, server: Server, knobs: Knobs) -> (Connecting, Backend) {
    let connecting = network.connect(knobs);
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares_as(server).await;
    backend.makes_slot().await;
    (connecting, backend)
}
