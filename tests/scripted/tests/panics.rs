//! R12: a bug of ours is loud, a bad connection is not.

use pgnudge_scripted::{Live, Network, Reception, knobs, soon};
use tokio::task::JoinError;

/// What the task died of.
fn last_words(error: JoinError) -> String {
    let panic = error.into_panic();
    panic.downcast_ref::<&str>().copied().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn r12_a_panic_in_the_feeds_task_reaches_next() {
    let Live { network, backend, mut feed } = Live::new(knobs()).await;
    let consumer = tokio::spawn(async move { feed.next().await });
    network.receives_with(Reception::Panic);
    drop(backend);
    assert_eq!(last_words(soon("the panic", consumer).await.unwrap_err()), "a bug");
}

#[tokio::test(start_paused = true)]
async fn r12_a_panic_before_the_feed_is_live_reaches_connect() {
    let network = Network::new();
    network.receives_with(Reception::Panic);
    assert_eq!(last_words(soon("the panic", network.connect(knobs()).feed).await.err().unwrap()), "a bug");
}

#[tokio::test(start_paused = true)]
async fn r12_connection_failures_are_no_panics() {
    let mut live = Live::new(knobs()).await;
    for _ in 0..50 {
        live.backend.sends(b"garbage").await;
        live = live.reconnects().await;
    }
    assert_eq!(live.next().await, "reconnected");
}
