//! R11: dropping is the goodbye, at any time; and a dropped `next()` loses nothing.

use std::time::Duration;

use pgnudge_scripted::{Backend, Live, MS, Network, Reception, S, Stage, counts, knobs, settle, timed};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn r11_dropping_closes_the_socket_at_once_in_every_stage() {
    for stage in Stage::ALL {
        let mut network = Network::new();
        let connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        backend.goes_to(stage).await;
        settle().await;
        if stage == Stage::Stream {
            drop(connecting.live().await);
        } else {
            connecting.feed.abort();
        }
        let (time, ()) = timed(backend.is_left()).await;
        assert!(time.is_zero(), "{stage:?}: {time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn r11_a_slot_creation_is_cancelled() {
    let mut network = Network::new();
    let connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    backend.goes_to(Stage::Slot).await;
    connecting.feed.abort();
    let (time, mut second) = timed(network.accept()).await;
    assert!(time.is_zero(), "{time:?}");
    assert_eq!(second.next_opening().await.unwrap(), Backend::CANCEL_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn r11_nothing_else_is_cancelled() {
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Slot) {
        let mut network = Network::new();
        let connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        backend.goes_to(stage).await;
        connecting.feed.abort();
        drop(connecting.feed.await);
        backend.is_left().await;
        assert!(timeout(60 * S, network.accept()).await.is_err(), "{stage:?}: another connection");
    }
}

#[tokio::test(start_paused = true)]
async fn r11_dropping_ends_the_attempts() {
    for reception in [Reception::Refusal, Reception::Silence] {
        let network = Network::new();
        network.receives_with(reception);
        let mut connecting = network.connect(knobs());
        sleep(3 * S).await;
        connecting.feed.abort();
        // The task behind the feed held the other end.
        while connecting.status.changed().await.is_ok() {}
        let (time, ended) = timed(connecting.status.changed()).await;
        assert!(time.is_zero() && ended.is_err(), "{reception:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn r11_next_is_cancel_safe() {
    let mut live = Live::new(knobs()).await;
    let Live { feed, backend, .. } = &mut live;
    let script = async {
        for _ in 0..500 {
            backend.commits(&["public.a", "public.b"]).await;
            sleep(13 * MS).await;
        }
    };
    let consumer = async {
        let mut counted = 0;
        for patience in (0..20).cycle() {
            // Given up nearly every time, and begun again.
            if let Ok(item) = timeout(patience * MS, feed.next()).await {
                counted += counts(&item).values().sum::<u64>();
            }
            if counted == 1000 {
                return;
            }
        }
    };
    let both = async { tokio::join!(script, consumer) };
    timeout(Duration::from_secs(60), both).await.unwrap();
    live.is_quiet().await;
}
