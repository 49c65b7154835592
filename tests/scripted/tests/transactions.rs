//! R10: a transaction that was cut off, because its connection was, means nothing to the next stream.

use pgnudge_scripted::{Live, MS, Reception, S, knobs, timed};

/// A feed whose connection is lost within a transaction.
async fn cut_off() -> Live {
    let mut live = Live::new(knobs()).await;
    live.backend.begins().await;
    live.backend.changes("public.a").await;
    live.reconnects().await
}

#[tokio::test(start_paused = true)]
async fn r10_it_does_not_hold_the_resync() {
    let mut live = cut_off().await;
    let (time, item) = timed(live.next()).await;
    assert!(time.is_zero() && item == "reconnected", "{item} after {time:?}");
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn r10_it_does_not_hold_the_windows_of_the_next_stream() {
    let mut live = cut_off().await;
    assert_eq!(live.next().await, "reconnected");
    live.backend.says(b"table public.b: TRUNCATE: (no-flags)").await;
    assert_eq!(timed(live.next()).await, (50 * MS, "public.b 1".to_owned()));
}

/// Nobody knows when the server comes back. Its changes are committed, or it had not sent them.
#[tokio::test(start_paused = true)]
async fn r10_what_has_arrived_of_it_goes_out_after_max_batch_wait() {
    let mut live = Live::new(knobs()).await;
    live.network.receives_with(Reception::Refusal);
    live.backend.begins().await;
    live.backend.changes("public.a").await;
    let Live { mut feed, backend, network: _network } = live;
    drop(backend);
    let (time, item) = timed(feed.next()).await;
    assert_eq!((time, pgnudge_scripted::wakeup(&item).as_str()), (S, "public.a 1"));
}
