//! R1 and R2: every connection is live before its Resync, and its Resync comes before its changes.

use nudge_engine::runtime::{Feed, Status};
use pgnudge_scripted::{
    Backend, Live, Network, S, START, Server, knobs, position, settle, wakeup, with_a_slot,
};
use pgnudge_testkit::frames::{self, Report};
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn r1_connect_returns_at_copy_both_response_and_not_before() {
    let mut network = Network::new();
    let connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    backend.lets_in().await;
    settle().await;
    assert!(!connecting.feed.is_finished(), "logged in");
    backend.prepares().await;
    backend.makes_slot().await;
    backend.expect_query("START_REPLICATION").await.unwrap();
    settle().await;
    assert!(!connecting.feed.is_finished(), "the stream is asked for");
    backend.start_streaming().await.unwrap();
    let mut feed = connecting.live().await;
    let first = feed.next().await;
    assert_eq!((wakeup(&first).as_str(), position(&first)), ("connected", START));
}

#[tokio::test(start_paused = true)]
async fn r1_changes_in_the_same_read_do_not_overtake_the_resync() {
    let mut network = Network::new();
    let (connecting, mut backend) = with_a_slot(&mut network, Server::default(), knobs()).await;
    backend.expect_query("START_REPLICATION").await.unwrap();
    let begin = frames::copy_both_response();
    let all = [begin, backend.transaction(&["public.a"])].concat();
    backend.sends(&all).await;
    let mut live = Live { feed: connecting.live().await, network, backend };
    let first = live.feed.next().await;
    assert_eq!((wakeup(&first).as_str(), position(&first)), ("connected", 0x200));
    // It swallowed them: they are in the database when the consumer reloads (R6).
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn r1_a_connection_that_fails_before_it_streams_delivers_nothing() {
    let mut network = Network::new();
    let (connecting, backend) = with_a_slot(&mut network, Server::default(), knobs()).await;
    drop(backend);
    let mut backend = network.accept().await;
    backend.streams().await;
    let mut feed = connecting.live().await;
    assert_eq!(wakeup(&feed.next().await), "connected", "the first live connection is no reconnection");
}

/// The slot that the feed streams from.
fn slot(feed: &Feed) -> Option<String> {
    match &*feed.status().borrow() {
        Status::Streaming { slot, .. } => Some(slot.to_string()),
        _ => None,
    }
}

/// Ends a stream in some way, and proves that the next one begins with its Resync.
async fn r2(end: impl AsyncFnOnce(Backend)) {
    let mut live = Live::new(knobs()).await;
    let before = slot(&live.feed);
    let mut network = live.network;
    end(live.backend).await;
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares().await;
    let (slot, _) = backend.makes_slot().await;
    assert_ne!(Some(slot), before, "a fresh slot");
    let nothing = timeout(5 * S, live.feed.next()).await;
    assert!(nothing.is_err(), "{nothing:?} before the stream is live");
    backend.starts().await;
    backend.commits(&["public.a"]).await;
    let first = live.feed.next().await;
    assert_eq!((wakeup(&first).as_str(), position(&first)), ("reconnected", 0x200));
    backend.commits(&["public.a"]).await;
    assert_eq!(wakeup(&live.feed.next().await), "public.a 1");
}

#[tokio::test(start_paused = true)]
async fn r2_after_a_clean_end() {
    r2(async |mut backend| backend.sends(&frames::copy_done()).await).await;
}

#[tokio::test(start_paused = true)]
async fn r2_after_a_close() {
    r2(async |backend| drop(backend)).await;
}

#[tokio::test(start_paused = true)]
async fn r2_after_a_reset() {
    r2(async |backend| backend.resets()).await;
}

#[tokio::test(start_paused = true)]
async fn r2_after_an_error() {
    r2(async |mut backend| {
        let report = Report::new("FATAL", "57P01", "terminating connection due to administrator command");
        backend.send_error(&report).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn r2_after_an_end_that_came_with_the_last_changes() {
    let mut live = Live::new(knobs()).await;
    let transaction = live.backend.transaction(&["public.a"]);
    let end = frames::copy_done();
    live.backend.sends(&[transaction, end].concat()).await;
    let batch = live.feed.next().await;
    assert_eq!((wakeup(&batch).as_str(), position(&batch)), ("public.a 1", 0x200));
    let mut live = live.reconnects().await;
    assert_eq!(live.next().await, "reconnected");
}

/// A failover may lead to a server that is behind the lost one: positions start anew with the stream.
#[tokio::test(start_paused = true)]
async fn r2_the_position_is_the_new_streams() {
    let mut live = Live::new(knobs()).await;
    for _ in 0..5 {
        live.backend.commits(&["public.a"]).await;
    }
    assert_eq!(position(&live.feed.next().await), 0x600);
    let mut live = live.reconnects().await;
    assert_eq!(position(&live.feed.next().await), START);
}
