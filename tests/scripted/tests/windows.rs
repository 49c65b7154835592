//! R4: when a window closes. The times are exact: the clock stands still until the feed's own timer
//! is the next thing to happen.

use std::time::Duration;

use nudge_engine::Knobs;
use nudge_engine::policy::Edge;
use pgnudge_scripted::{Backend, Live, MS, S, knobs, position, timed};
use tokio::time::{Instant, sleep};

fn leading() -> Knobs {
    Knobs { edge: Edge::Leading, ..knobs() }
}

/// A live feed that has been quiet for a second.
async fn quiet(knobs: Knobs) -> Live {
    let live = Live::new(knobs).await;
    sleep(1000 * MS).await;
    live
}

/// The next item, and after how many milliseconds it comes.
async fn next(live: &mut Live) -> (u128, String) {
    let (time, item) = timed(live.next()).await;
    (time.as_millis(), item)
}

/// What [`next`] yields.
fn after(milliseconds: u128, item: &str) -> (u128, String) {
    (milliseconds, item.to_owned())
}

/// A commit every so often.
async fn trickle(backend: &mut Backend, period: Duration, commits: u32) {
    for _ in 0..commits {
        backend.commits(&["public.a"]).await;
        sleep(period).await;
    }
}

#[tokio::test(start_paused = true)]
async fn r4_trailing_closes_debounce_after_the_last_change() {
    let mut live = quiet(knobs()).await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(next(&mut live).await, after(50, "public.a 1"));

    live.backend.commits(&["public.a"]).await;
    sleep(49 * MS).await;
    live.backend.commits(&["public.b", "public.a"]).await;
    assert_eq!(next(&mut live).await, after(50, "public.a 2, public.b 1"));
    live.is_quiet().await;
}

/// A hot stream is read with naps, which end when they end.
#[tokio::test(start_paused = true)]
async fn r4_the_last_change_of_a_hot_stream_counts_from_when_it_arrived() {
    for commits in 100..110 {
        let mut live = quiet(knobs()).await;
        trickle(&mut live.backend, MS, commits).await;
        assert_eq!(next(&mut live).await, after(49, &format!("public.a {commits}")));
    }
}

/// While a hot stream is read with naps nobody listens to the socket.
#[tokio::test(start_paused = true)]
async fn r4_a_change_long_after_a_hot_stream_is_told_in_time() {
    let mut live = quiet(knobs()).await;
    trickle(&mut live.backend, MS, 100).await;
    assert_eq!(live.next().await, "public.a 100");
    live.calms(10 * S).await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(next(&mut live).await, after(50, "public.a 1"));
}

#[tokio::test(start_paused = true)]
async fn r4_leading_goes_out_at_once_after_a_quiet_spell() {
    let mut live = quiet(leading()).await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(next(&mut live).await, after(0, "public.a 1"));
    sleep(50 * MS).await;
    live.backend.commits(&["public.b"]).await;
    assert_eq!(next(&mut live).await, after(0, "public.b 1"));
}

#[tokio::test(start_paused = true)]
async fn r4_leading_closes_debounce_after_the_first_change_of_a_burst() {
    let mut live = quiet(leading()).await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(next(&mut live).await, after(0, "public.a 1"));
    sleep(10 * MS).await;
    live.backend.commits(&["public.a"]).await;
    sleep(40 * MS).await;
    live.backend.commits(&["public.b"]).await;
    assert_eq!(next(&mut live).await, after(10, "public.a 1, public.b 1"));
}

#[tokio::test(start_paused = true)]
async fn r4_a_trickle_faster_than_debounce_waits_for_max_batch_wait_when_trailing() {
    let mut live = quiet(Knobs { max_batch_wait: Some(200 * MS), ..knobs() }).await;
    let Live { feed, backend, .. } = &mut live;
    let ((time, _), ()) = tokio::join!(timed(feed.next()), trickle(backend, 40 * MS, 10));
    assert_eq!(time, 200 * MS);
}

#[tokio::test(start_paused = true)]
async fn r4_a_trickle_wakes_once_per_debounce_when_leading() {
    let mut live = quiet(leading()).await;
    let Live { feed, backend, .. } = &mut live;
    let mut wakeups = Vec::new();
    let start = Instant::now();
    let consumer = async {
        loop {
            feed.next().await;
            wakeups.push(start.elapsed().as_millis());
        }
    };
    tokio::select! {
        () = consumer => {}
        () = trickle(backend, 20 * MS, 11) => {}
    }
    // The first change at once; then windows that begin 20, 80, 140 ms into the trickle.
    assert_eq!(wakeups, [0, 70, 130, 190]);
}

#[tokio::test(start_paused = true)]
async fn r4_it_does_not_close_within_a_transaction() {
    for knobs in [knobs(), leading()] {
        let mut live = quiet(knobs).await;
        live.backend.begins().await;
        live.backend.changes("public.a").await;
        let Live { feed, backend, .. } = &mut live;
        let rest = async {
            sleep(300 * MS).await;
            backend.changes("public.b").await;
            sleep(300 * MS).await;
            backend.ends().await;
        };
        let ((time, item), ()) = tokio::join!(timed(feed.next()), rest);
        assert_eq!((time, position(&item)), (600 * MS, 0x200), "the commit's position");
    }
}

#[tokio::test(start_paused = true)]
async fn r4_max_batch_wait_forces_it_within_a_transaction() {
    for edge in [Edge::Trailing, Edge::Leading] {
        let mut live = quiet(Knobs { edge, max_batch_wait: Some(400 * MS), ..knobs() }).await;
        live.backend.begins().await;
        live.backend.changes("public.a").await;
        assert_eq!(next(&mut live).await, after(400, "public.a 1"));
        live.backend.changes("public.b").await;
        assert_eq!(next(&mut live).await, after(400, "public.b 1"));
        live.backend.ends().await;
        live.is_quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn r4_max_batch_wait_is_twenty_debounces_by_default() {
    let mut live = quiet(Knobs { debounce: 7 * MS, ..knobs() }).await;
    live.backend.begins().await;
    live.backend.changes("public.a").await;
    assert_eq!(next(&mut live).await, after(140, "public.a 1"));
}

#[tokio::test(start_paused = true)]
async fn r4_a_transaction_that_begins_does_not_hold_a_window_that_it_has_no_part_in() {
    let mut live = quiet(knobs()).await;
    live.backend.commits(&["public.a"]).await;
    live.backend.begins().await;
    assert_eq!(next(&mut live).await, after(50, "public.a 1"));
}

#[tokio::test(start_paused = true)]
async fn r4_without_debounce_a_window_closes_at_the_commit() {
    for edge in [Edge::Trailing, Edge::Leading] {
        let zero = Duration::ZERO;
        let mut live = quiet(Knobs { edge, debounce: zero, max_batch_wait: Some(500 * MS), ..knobs() }).await;
        live.backend.commits(&["public.a"]).await;
        assert_eq!(next(&mut live).await, after(0, "public.a 1"));
        live.backend.commits(&["public.a"]).await;
        assert_eq!(next(&mut live).await, after(0, "public.a 1"));

        live.backend.begins().await;
        live.backend.changes("public.b").await;
        let Live { feed, backend, .. } = &mut live;
        let rest = async {
            sleep(30 * MS).await;
            backend.ends().await;
        };
        let ((time, _), ()) = tokio::join!(timed(feed.next()), rest);
        assert_eq!(time, 30 * MS);
    }
}

#[tokio::test(start_paused = true)]
async fn r4_what_is_overdue_when_the_consumer_comes_is_there_at_once() {
    let mut live = quiet(knobs()).await;
    live.backend.commits(&["public.a"]).await;
    sleep(10 * 1000 * MS).await;
    assert_eq!(next(&mut live).await, after(0, "public.a 1"));
}

#[tokio::test(start_paused = true)]
async fn r4_a_resync_does_not_wait_for_quiet_but_for_the_end_of_its_transaction() {
    let mut live = quiet(knobs()).await;
    live.backend.says(b"garbage").await;
    assert_eq!(next(&mut live).await, after(0, "undecodable"));

    live.backend.begins().await;
    live.backend.says(b"garbage").await;
    let Live { feed, backend, .. } = &mut live;
    let rest = async {
        sleep(30 * MS).await;
        backend.ends().await;
    };
    let ((time, item), ()) = tokio::join!(timed(feed.next()), rest);
    assert_eq!((time, position(&item)), (30 * MS, 0x200), "the commit's position");
}
