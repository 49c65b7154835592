//! Whether the server is still there: silence ends a connection, bytes of whatever kind do not.

use nudge_engine::Knobs;
use pgnudge_scripted::{Live, S, knobs, settle, timed, told};
use pgnudge_testkit::{FrontendMessage, frames};
use tokio::time::{advance, sleep};

/// 30 s of silence are too long, as they are by default.
fn impatient() -> Knobs {
    Knobs { liveness_timeout: Some(30 * S), ..knobs() }
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_asked_and_then_left() {
    let mut live = Live::new(impatient()).await;
    let backend = &mut live.backend;
    let (time, goodbye) = timed(backend.expect_goodbye()).await;
    let asks =
        |said: &&FrontendMessage| matches!(said, FrontendMessage::Status(status) if status.reply_requested);
    let asked = goodbye.unwrap().messages.iter().filter(asks).count();
    assert_eq!((time, asked), (30 * S, 3));
    let backing_off = told(&live.feed.status().borrow());
    assert_eq!(backing_off, "backing off: pipe 1: liveness_timeout ran out: the server is silent");
    let mut live = live.reconnects().await;
    assert_eq!(live.next().await, "reconnected");
}

#[tokio::test(start_paused = true)]
async fn an_idle_server_that_answers_is_not_left() {
    let mut live = Live::new(impatient()).await;
    live.calms(10 * S).await;
    assert_eq!(live.cadence().await, [(10 * S, true); 100], "it is silent unless it is asked");
    live.backend.commits(&["public.a"]).await;
    assert_eq!(live.next().await, "public.a 1", "the same connection");
}

#[tokio::test(start_paused = true)]
async fn a_huge_row_on_a_slow_link_is_no_silence() {
    let mut live = Live::new(impatient()).await;
    let mut row = frames::xlog_data(0x180, 0x180, b"table public.a: INSERT: blob[bytea]:'");
    let head = row.len();
    row.resize(head + 1000, b'x');
    row.splice(..5, frames::frame_header(b'd', row.len() - 5));
    live.backend.begins().await;
    for byte in row {
        live.backend.sends(&[byte]).await;
        sleep(29 * S).await;
    }
    live.backend.ends().await;
    assert_eq!(live.next().await, "public.a 1", "the same connection");
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_waits_for_ever() {
    let mut live = Live::new(Knobs { liveness_timeout: None, ..knobs() }).await;
    sleep(3600 * S).await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(live.next().await, "public.a 1", "the same connection");
}

/// After a pause of the whole program (a laptop that slept, a consumer that blocked its thread) the
/// timer has run out *and* there are bytes to read: the server is not dead.
#[tokio::test(start_paused = true)]
async fn bytes_that_waited_for_us_are_a_sign_of_life() {
    let mut live = Live::new(impatient()).await;
    for _ in 0..32 {
        // The time passes before the feed gets to run, and then both wake it.
        advance(40 * S).await;
        live.backend.send_keepalive(0x100, false).await.unwrap();
        settle().await;
    }
    live.backend.commits(&["public.a"]).await;
    assert_eq!(live.next().await, "public.a 1", "the same connection");
}
