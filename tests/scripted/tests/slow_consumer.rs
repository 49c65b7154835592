//! R5 and R6: what is pending while nobody polls is one item, and it only grows up.

use std::time::Duration;

use nudge_engine::Knobs;
use pgnudge_scripted::{Live, MS, Network, S, counts, knobs, position, settle, timed, wakeup};
use pgnudge_testkit::frames;
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn r5_thousands_of_unread_windows_are_one_item() {
    let mut live = Live::new(knobs()).await;
    for _ in 0..3000 {
        live.backend.commits(&["public.a", "public.b", "public.a"]).await;
        sleep(60 * MS).await;
    }
    let item = live.feed.next().await;
    assert_eq!(wakeup(&item), "public.a 6000, public.b 3000");
    assert_eq!(position(&item), (3000 + 1) * 0x100, "of the last commit");
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn r5_as_many_tables_as_max_pending_are_a_batch() {
    let mut live = Live::new(Knobs { max_pending: 3, ..knobs() }).await;
    live.backend.commits(&["public.a", "public.b", "public.c", "public.a"]).await;
    assert_eq!(live.next().await, "public.a 2, public.b 1, public.c 1");
}

#[tokio::test(start_paused = true)]
async fn r5_one_table_more_is_an_overflow() {
    let mut live = Live::new(Knobs { max_pending: 3, ..knobs() }).await;
    for table in ["public.a", "public.b", "public.c", "public.d", "public.e"] {
        live.backend.commits(&[table]).await;
        sleep(60 * MS).await;
    }
    assert_eq!(live.next().await, "overflow");
    live.is_quiet().await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(live.next().await, "public.a 1", "it is over once it is delivered");
}

#[tokio::test(start_paused = true)]
async fn r5_the_server_never_waits_for_the_consumer() {
    let mut live = Live::on(Network::narrow(1024), knobs()).await;
    let rows = frames::xlog_data(1, 2, b"table public.a: INSERT: id[integer]:1").repeat(100);
    let (time, ()) = timed(async {
        for _ in 0..1000 {
            live.backend.sends(&rows).await;
        }
    })
    .await;
    assert!(time.is_zero(), "{time:?}");
    assert_eq!(live.next().await, "public.a 100000");
}

#[tokio::test(start_paused = true)]
async fn r6_a_resync_swallows_what_comes_until_it_is_delivered() {
    let mut live = Live::unread(Network::new(), knobs()).await;
    for _ in 0..5 {
        live.backend.commits(&["public.a"]).await;
        sleep(200 * MS).await;
    }
    live.backend.says(b"garbage").await;
    live.backend.commits(&["public.b"]).await;
    settle().await;
    let item = live.feed.next().await;
    assert_eq!((wakeup(&item).as_str(), position(&item)), ("connected", 0x700));
    live.is_quiet().await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(live.next().await, "public.a 1");
}

#[tokio::test(start_paused = true)]
async fn r6_a_resync_swallows_what_was_pending() {
    let mut live = Live::new(knobs()).await;
    live.backend.commits(&["public.a", "public.b"]).await;
    live.backend.says(b"garbage").await;
    assert_eq!(live.next().await, "undecodable");
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn r6_the_first_reason_is_kept() {
    let mut live = Live::new(Knobs { max_pending: 1, ..knobs() }).await;
    live.backend.commits(&["public.a", "public.b"]).await;
    live.backend.says(b"garbage").await;
    let mut live = live.reconnects().await;
    assert_eq!(live.next().await, "overflow");
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn r6_reconnecting_often_is_one_resync() {
    let mut live = Live::new(knobs()).await;
    for _ in 0..5 {
        live.backend.commits(&["public.a"]).await;
        live = live.reconnects().await;
    }
    assert_eq!(live.next().await, "reconnected");
    live.is_quiet().await;
}

/// R9, the other way round: on a runtime of one thread a reader that never has to wait leaves the consumer
/// its turn.
#[tokio::test(start_paused = true)]
async fn r9_a_flood_leaves_the_consumer_its_turn() {
    let mut live = Live::new(Knobs { debounce: Duration::ZERO, ..knobs() }).await;
    live.backend.floods("public.a");
    live.backend.commits(&["public.b"]).await;
    let mut told = Vec::new();
    while let Ok(item) = timeout(S, live.feed.next()).await {
        told.extend(counts(&item).get("public.a"));
    }
    let all: u64 = told.iter().sum();
    assert!(told[0] < all / 10, "{} of {all} changes in the first item", told[0]);
}
