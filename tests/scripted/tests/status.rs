//! What an operator sees: the states of a feed, also before it is live.

use std::time::Duration;

use nudge_engine::runtime::Status;
use pgnudge_scripted::{Backend, Live, MS, Network, Reception, S, Stage, failure, knobs, settle, told};
use pgnudge_testkit::Opening;
use pgnudge_testkit::frames::Report;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Writes down every state that a watcher gets to see, until the feed is dropped.
fn record(mut status: watch::Receiver<Status>) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut log = Vec::new();
        while status.changed().await.is_ok() {
            log.push(told(&status.borrow_and_update()));
        }
        log
    })
}

#[tokio::test(start_paused = true)]
async fn the_states_follow_the_connection() {
    let mut network = Network::new();
    let connecting = network.connect(knobs());
    let log = record(connecting.status.clone());
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares().await;
    let shutting_down = Report::new("FATAL", "57P01", "shutting down");
    backend.asked_for_slot().await;
    backend.answer_error(&shutting_down).await.unwrap();
    let mut backend = network.accept().await;
    backend.streams().await;
    let live = Live { feed: connecting.live().await, backend, network };
    let live = live.reconnects().await;
    drop(live);

    // A watcher sees the latest state: where two follow at once, the first may be skipped.
    let log = log.await.unwrap();
    let log: Vec<_> = log.iter().filter(|state| *state != "connecting").map(String::as_str).collect();
    let expect = [
        "waiting for the slot",
        "backing off: pipe 1: shutting down (SQLSTATE 57P01) while creating a replication slot with the plugin test_decoding",
        "waiting for the slot",
        "streaming",
        "backing off: pipe 1: the server closed the connection while streaming",
        "waiting for the slot",
        "streaming",
        "closed",
    ];
    assert_eq!(log, expect);
}

#[tokio::test(start_paused = true)]
async fn the_state_of_each_stage_can_be_read_before_the_feed_is_live() {
    for stage in Stage::BEFORE_STREAM {
        let mut network = Network::new();
        let connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        backend.goes_to(stage).await;
        settle().await;
        let expect = match stage {
            Stage::Startup | Stage::Authentication | Stage::Settings => "connecting",
            _ => "waiting for the slot",
        };
        assert_eq!(told(&connecting.status.borrow()), expect, "{stage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn streaming_names_slot_and_process() {
    let mut network = Network::new();
    let connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares().await;
    let (made, _) = backend.makes_slot().await;
    backend.starts().await;
    let feed = connecting.live().await;
    let status = feed.status().borrow().clone();
    let Status::Streaming { slot, backend_pid, unchecked, .. } = status else { panic!("{status:?}") };
    assert_eq!((slot.as_str(), backend_pid), (made.as_str(), 4711));
    assert!(unchecked.is_none());
    assert!(slot.as_str().starts_with("pgnudge_"), "{slot}");
}

#[tokio::test(start_paused = true)]
async fn attempts_are_counted_until_one_succeeds() {
    let mut network = Network::new();
    network.receives_with(Reception::Refusal);
    let mut connecting = network.connect(knobs());
    let third = |status: &Status| matches!(status, Status::BackingOff { attempt: 3, .. });
    connecting.status.wait_for(third).await.unwrap();
    network.receives_with(Reception::Connection);
    let mut backend = network.accept().await;
    let status = connecting.status.borrow().clone();
    assert!(matches!(status, Status::Connecting { attempt: 3 }), "{status:?}");
    backend.streams().await;
    connecting.live().await;
}

/// Half a second into the wait a second connection asks for whom the slot waits.
#[tokio::test(start_paused = true)]
async fn a_slot_that_waits_says_for_whom() {
    let mut network = Network::new();
    let mut connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares().await;
    let (slot, plugin) = backend.asked_for_slot().await;
    let mut second = network.accept().await;
    let startup = second.handshake_trust().await.unwrap();
    assert!(matches!(startup, Opening::Startup(..)) && startup.parameter("replication").is_none());
    let question = second.expect_query("SET TRANSACTION").await.unwrap();
    assert!(question.contains("pg_blocking_pids(4711)"), "{question}");
    second
        .answer_rows(&["pid", "application_name", "age"], &[&[Some("42"), Some("report"), Some("90")]])
        .await
        .unwrap();

    let known = |status: &Status| matches!(status, Status::WaitingForSlot { blocker: Some(_), .. });
    let status = connecting.status.wait_for(known).await.unwrap().clone();
    let Status::WaitingForSlot { blocker: Some(blocker), .. } = status else { unreachable!() };
    assert_eq!((blocker.pid, blocker.age), (42, Some(90 * S)));
    let expect = "process 42 (\"report\"), whose transaction has been open for 90 s";
    assert_eq!(blocker.to_string(), expect);
    second.is_left().await;

    // The wait went on.
    sleep(20 * S).await;
    backend.slot_created(&slot, &plugin, 0x100).await.unwrap();
    backend.starts().await;
    connecting.live().await;
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_too_late_says_for_whom_it_waited() {
    let mut network = Network::new();
    let mut connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares().await;
    backend.asked_for_slot().await;
    let mut second = network.accept().await;
    second.handshake_trust().await.unwrap();
    second.expect_query("SET TRANSACTION").await.unwrap();
    let row = [Some("42"), Some("report"), Some("90")];
    second.answer_rows(&["pid", "application_name", "age"], &[&row]).await.unwrap();
    let error = failure(&mut connecting.status).await.error.to_string();
    assert!(error.contains("slot_timeout") && error.contains("process 42 (\"report\")"), "{error}");
}

/// Nobody has to answer it.
#[tokio::test(start_paused = true)]
async fn a_slot_is_made_whatever_becomes_of_the_question() {
    let answers: [(Duration, fn(Backend)); 3] = [
        (600 * MS, |second| drop(second)),
        (600 * MS, |second| second.resets()),
        (15 * S, |second| std::mem::forget(second)),
    ];
    for (wait, answer) in answers {
        let mut network = Network::new();
        let connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        backend.lets_in().await;
        backend.prepares().await;
        let (slot, plugin) = backend.asked_for_slot().await;
        answer(network.accept().await);
        sleep(wait).await;
        backend.slot_created(&slot, &plugin, 0x100).await.unwrap();
        backend.starts().await;
        connecting.live().await;
    }
}
