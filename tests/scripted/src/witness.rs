//! Feeds that check what can be seen (rule R13), and the session that they ask.

use nudge_engine::Knobs;
use nudge_engine::policy::{Edge, Visibility};
use tokio::time::sleep;

use crate::{Backend, Live, Network, S, Server, XID, knobs};

/// A commit goes out at once.
pub fn eager() -> Knobs {
    Knobs { edge: Edge::Leading, visibility: Visibility::Always, ..knobs() }
}

/// By default: a commit goes out 50 ms later.
pub fn relaxed() -> Knobs {
    Knobs { visibility: Visibility::Always, ..knobs() }
}

/// A live feed of a server that waits for these standbys.
pub async fn live(knobs: Knobs, standbys: &'static str) -> Live {
    let mut live = Live::of(Server { standbys, ..Server::default() }, knobs).await;
    assert_eq!(live.next().await, "connected");
    sleep(S).await;
    live
}

/// The second session, once it is asked for.
pub async fn witness(network: &mut Network) -> Backend {
    let mut witness = network.accept().await;
    let startup = witness.handshake_trust().await.expect("a login");
    assert_eq!(startup.parameter("replication"), None, "no walsender");
    witness.settles_in().await;
    witness
}

/// Answers that XID is still running, so many times, and then that it is not.
pub async fn is_seen_after(witness: &mut Backend, looks: u32) {
    for _ in 0..looks {
        witness.sees(XID + 10, &[XID - 1, XID]).await;
    }
    witness.sees(XID + 10, &[XID - 1]).await;
}
