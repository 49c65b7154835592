//! R9: the server hears from the feed on time, whatever the consumer and the stream do.

use std::time::Duration;

use nudge_engine::Knobs;
use pgnudge_scripted::{Live, MS, S, Server, knobs, settle, timed};
use pgnudge_testkit::frames;
use tokio::time::{Instant, advance, sleep, sleep_until, timeout};

#[tokio::test(start_paused = true)]
async fn r9_a_keepalive_that_asks_is_answered_while_nobody_polls() {
    let mut live = Live::new(knobs()).await;
    live.calms(10 * S).await;
    sleep(3 * S).await;
    live.backend.send_keepalive(0x900, true).await.unwrap();
    let (time, status) = timed(live.backend.status()).await;
    assert!(time.is_zero(), "{time:?}");
    assert_eq!([status.write, status.flush, status.apply], [0x900; 3]);
    assert!(!status.reply_requested, "the server has just spoken");
}

#[tokio::test(start_paused = true)]
async fn r9_a_keepalive_that_does_not_ask_is_not_answered() {
    let mut live = Live::new(knobs()).await;
    live.calms(10 * S).await;
    sleep(3 * S).await;
    live.backend.send_keepalive(0, false).await.unwrap();
    assert_eq!(live.cadence().await, [(7 * S, true)]);
}

/// A walsender may have slept through a commit that closely followed what woke it: any message wakes it.
#[tokio::test(start_paused = true)]
async fn r4_statuses_follow_activity_soon_and_often_and_then_ever_more_rarely() {
    let mut live = Live::new(knobs()).await;
    live.calms(10 * S).await;
    sleep(3 * S).await;
    live.backend.send_keepalive(0x900, false).await.unwrap();
    assert_eq!(live.cadence().await, [20, 40].map(|ms| (ms * MS, false)));
    assert_eq!(live.cadence().await, [(60 * MS, false); 33], "for two seconds");
    let rarely = [120, 240, 480, 960, 1920].map(|ms| (ms * MS, false));
    assert_eq!(live.cadence().await, rarely);
    assert_eq!(live.cadence().await, [(3840 * MS, true), (7680 * MS, true), (10 * S, true), (10 * S, true)]);
}

#[tokio::test(start_paused = true)]
async fn r9_a_status_goes_out_at_every_interval() {
    let mut live = Live::new(Knobs { status_interval: 15 * MS, ..knobs() }).await;
    assert_eq!(live.cadence().await.map(|(pause, _)| pause), [15 * MS; 9]);
    let mut live = Live::new(Knobs { status_interval: 2 * S, ..knobs() }).await;
    live.calms(2 * S).await;
    assert_eq!(live.cadence().await, [(2 * S, true); 3]);
}

#[tokio::test(start_paused = true)]
async fn r9_a_server_with_less_patience_hears_more_often() {
    for (wal_sender_timeout, expect) in [("3000", S), ("60000", 10 * S), ("0", 10 * S), ("soon", 10 * S)] {
        let server = Server { wal_sender_timeout, ..Server::default() };
        let mut live = Live::of(server, knobs()).await;
        live.calms(expect).await;
        assert_eq!(live.cadence().await, [(expect, true); 3], "{wal_sender_timeout}");
    }
}

#[tokio::test(start_paused = true)]
async fn r9_the_position_covers_keepalives_and_never_goes_back() {
    let mut live = Live::new(knobs()).await;
    let mut positions = Vec::new();
    for (changes, keepalive) in [(0x200, 0x500), (0x300, 0x400), (0x600, 0x100), (0, 0)] {
        live.backend.send_xlog_data(changes, changes, b"COMMIT 748").await.unwrap();
        live.backend.send_keepalive(keepalive, true).await.unwrap();
        positions.push(live.backend.status().await.flush);
    }
    assert_eq!(positions, [0x500, 0x500, 0x600, 0x600]);
}

#[tokio::test(start_paused = true)]
async fn r9_a_status_goes_out_on_time_while_a_row_of_100_mb_is_skipped() {
    const PIECES: usize = 40;
    let mut live = Live::new(knobs()).await;
    let mut begin = frames::xlog_data(0x180, 0x180, b"table public.a: INSERT: blob[bytea]:'");
    let rest = vec![b'x'; 100_000_000 / PIECES];
    let body = begin.len() - 5 + rest.len() * PIECES;
    begin.splice(..5, frames::frame_header(b'd', body));
    live.backend.begins().await;
    live.backend.sends(&begin).await;
    let (start, mut statuses) = (Instant::now(), vec![]);
    for second in 1..=PIECES {
        live.backend.sends(&rest).await;
        sleep_until(start + S * u32::try_from(second).unwrap()).await;
        settle().await;
        while timeout(Duration::ZERO, live.backend.next()).await.is_ok() {
            statuses.push(second);
        }
    }
    assert_eq!(statuses, [&[1; 17][..], &[2; 17], &[3; 4], &[4, 6, 10, 18, 28, 38]].concat());
    live.backend.ends().await;
    // max_batch_wait has long forced the window, and the row was counted when its head arrived.
    assert_eq!(live.next().await, "public.a 1");
}

#[tokio::test(start_paused = true)]
async fn r9_a_status_goes_out_on_time_in_a_flood() {
    let mut live = Live::new(knobs()).await;
    let flood = frames::xlog_data(0x180, 0x180, b"table public.a: INSERT: id[integer]:1").repeat(1000);
    let start = Instant::now();
    let mut statuses = Vec::new();
    for _ in 0..300 {
        // Without a pause: the clock is pushed on, and the feed always has something to read.
        live.backend.sends(&flood).await;
        advance(100 * MS).await;
        if timeout(Duration::ZERO, live.backend.next()).await.is_ok() {
            statuses.push(start.elapsed().as_secs());
        }
    }
    assert_eq!(statuses, [&[0; 9][..], &[1; 10], &[2, 2, 2, 3, 4, 6, 9, 17, 27]].concat());
}
