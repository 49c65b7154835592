//! The opt-in failsafe: a Resync when there was none for long.

use nudge_engine::Knobs;
use pgnudge_scripted::{Live, MS, S, knobs, timed};
use tokio::time::sleep;

fn each_minute() -> Knobs {
    Knobs { failsafe: Some(60 * S), ..knobs() }
}

#[tokio::test(start_paused = true)]
async fn it_comes_when_the_interval_has_run_out_and_again() {
    let mut live = Live::new(each_minute()).await;
    for _ in 0..3 {
        assert_eq!(timed(live.next()).await, (60 * S, "failsafe".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn batches_do_not_put_it_off() {
    let mut live = Live::new(each_minute()).await;
    sleep(59 * S).await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(timed(live.next()).await, (50 * MS, "public.a 1".to_owned()));
    assert_eq!(timed(live.next()).await, (950 * MS, "failsafe".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn another_resync_does() {
    let mut live = Live::new(each_minute()).await;
    sleep(59 * S).await;
    live.backend.says(b"garbage").await;
    assert_eq!(live.next().await, "undecodable");
    assert_eq!(timed(live.next()).await, (60 * S, "failsafe".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn r6_it_swallows_the_open_window() {
    let mut live = Live::new(each_minute()).await;
    sleep(60 * S - 10 * MS).await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(timed(live.next()).await, (10 * MS, "failsafe".to_owned()));
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_off_by_default() {
    let mut live = Live::new(knobs()).await;
    sleep(24 * 3600 * S).await;
    live.is_quiet().await;
}
