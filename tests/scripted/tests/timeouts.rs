//! A server that does not answer: every stage has its limit, and the attempt after it succeeds.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::time::Duration;

use nudge_engine::ErrorKind;
use pgnudge_scripted::{
    Backend, Connecting, Network, Reception, S, Server, Stage, failure, knobs, soon, timed, wakeup,
};
use pgnudge_testkit::FrontendMessage;
use pgnudge_testkit::frames::{self, Report};
use tokio::time::{Instant, advance, sleep};

/// `connect_timeout`, or `slot_timeout`.
fn limit(stage: Stage) -> Duration {
    if stage == Stage::Slot { 30 * S } else { 10 * S }
}

/// The next failure is a timeout.
async fn times_out(connecting: &mut Connecting) -> String {
    let error = failure(&mut connecting.status).await.error;
    assert_eq!((error.kind(), error.is_permanent()), (ErrorKind::Timeout, false), "{error}");
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_never_opened() {
    let mut network = Network::new();
    network.receives_with(Reception::Silence);
    let mut connecting = network.connect(knobs());
    let (time, error) = timed(times_out(&mut connecting)).await;
    assert_eq!((time, error.as_str()), (10 * S, "pipe 1: connect_timeout ran out while connecting"));
    network.receives_with(Reception::Connection);
    network.accept().await.streams().await;
    connecting.live().await;
}

#[tokio::test(start_paused = true)]
async fn silence_at_each_stage() {
    for stage in Stage::BEFORE_STREAM {
        let mut network = Network::new();
        let mut connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        backend.goes_to(stage).await;
        let (time, ()) = timed(backend.is_left()).await;
        assert_eq!(time, limit(stage), "{stage:?}");
        let error = times_out(&mut connecting).await;
        let knob = if stage == Stage::Slot { "slot_timeout" } else { "connect_timeout" };
        assert!(error.contains(knob), "{error}");
    }
}

/// A standby makes its slot once its primary has logged what runs there.
#[tokio::test(start_paused = true)]
async fn a_slot_that_is_late_has_the_remedy_of_its_server() {
    for (standby, remedy) in [(false, "end the long ones"), (true, "pg_log_standby_snapshot()")] {
        let mut network = Network::new();
        let mut connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        backend.lets_in().await;
        backend.prepares_as(Server { standby, ..Server::default() }).await;
        backend.expect_query("CREATE_REPLICATION_SLOT").await.expect("the slot");
        let error = failure(&mut connecting.status).await.error;
        assert!(error.hint().is_some_and(|hint| hint.contains(remedy)), "{error:?}");
    }
}

/// Nobody can keep an attempt alive by talking: `message` once in a while, or without a pause.
async fn talk(stage: Stage, message: &[u8]) {
    for busy in [false, true] {
        let mut network = Network::new();
        let mut connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        backend.goes_to(stage).await;
        let start = Instant::now();
        while backend.send(message).await.is_ok() {
            let pause = S / 10;
            if busy {
                advance(pause).await;
            } else {
                sleep(pause).await;
            }
            assert!(start.elapsed() < limit(stage) + S, "{stage:?}, busy {busy}: it goes on and on");
        }
        times_out(&mut connecting).await;
    }
}

/// Before the login each of them is refused.
#[tokio::test(start_paused = true)]
async fn endless_notices_at_each_stage_after_the_login() {
    let notices = frames::notice_response(&Report::new("NOTICE", "00000", "still there")).repeat(100);
    for stage in [Stage::Settings, Stage::Slot, Stage::Start] {
        talk(stage, &notices).await;
    }
}

#[tokio::test(start_paused = true)]
async fn endless_parameters_at_each_stage() {
    let parameters: Vec<u8> =
        (0..1000).flat_map(|n| frames::parameter_status(&format!("p{n}"), "v")).collect();
    for stage in [Stage::Settings, Stage::Slot, Stage::Start] {
        talk(stage, &parameters).await;
    }
}

#[tokio::test(start_paused = true)]
async fn endless_rows() {
    let rows = frames::data_row(&[Some("a"), Some("0/100"), None, None]).repeat(100);
    for stage in [Stage::Settings, Stage::Slot] {
        talk(stage, &rows).await;
    }
}

/// A message of 2 GiB, a byte at a time.
#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_end() {
    let long = frames::frame_header(b'E', i32::MAX as usize - 4);
    for stage in Stage::BEFORE_STREAM {
        let mut network = Network::new();
        let mut connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        backend.goes_to(stage).await;
        backend.sends(&long).await;
        let (time, ()) = timed(async {
            while backend.send(b"x").await.is_ok() {
                sleep(S).await;
            }
        })
        .await;
        assert!(time <= limit(stage) + S, "{stage:?}: {time:?}");
        times_out(&mut connecting).await;
    }
}

/// The next connection that asks for a cancellation; others are left alone.
async fn cancellation(network: &mut Network) -> Backend {
    let cancellation = async {
        let mut others = Vec::new();
        loop {
            let mut backend = network.accept().await;
            if backend.next_opening().await.unwrap() == Backend::CANCEL_REQUEST {
                return backend;
            }
            others.push(backend);
        }
    };
    soon("a cancel request", cancellation).await
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_given_up_is_cancelled_and_asked_for_again() {
    let mut network = Network::new();
    let mut connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    let started = Instant::now();
    backend.goes_to(Stage::Slot).await;
    let cancel = cancellation(&mut network).await;
    assert_eq!(started.elapsed(), 30 * S);
    drop(cancel);
    times_out(&mut connecting).await;
    assert_eq!(started.elapsed(), 30 * S, "the server has closed the request at once");
    let mut backend = network.accept().await;
    backend.streams().await;
    assert_eq!(wakeup(&connecting.live().await.next().await), "connected");
}

/// One that is never closed holds the feed for two seconds.
#[tokio::test(start_paused = true)]
async fn a_cancel_request_has_a_limit_of_its_own() {
    let mut network = Network::new();
    let mut connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    let started = Instant::now();
    backend.goes_to(Stage::Slot).await;
    let _cancel = cancellation(&mut network).await;
    times_out(&mut connecting).await;
    assert_eq!(started.elapsed(), 32 * S);
}

/// Nothing is said in a stream that nobody has agreed to.
#[tokio::test(start_paused = true)]
async fn no_status_goes_out_before_the_stream() {
    let mut network = Network::new();
    let _connecting = network.connect(nudge_engine::Knobs { status_interval: S, ..knobs() });
    let mut backend = network.accept().await;
    backend.goes_to(Stage::Start).await;
    let goodbye = backend.expect_goodbye().await.unwrap();
    assert_eq!(goodbye.messages, Vec::<FrontendMessage>::new());
}

/// A network that falls silent between the slot and START_REPLICATION: the server waits for a command, and
/// `wal_sender_timeout` does not count there.
#[tokio::test(start_paused = true)]
async fn the_server_waits_for_a_command_no_longer_than_for_a_status() {
    let mut network = Network::new();
    let _connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    backend.lets_in().await;
    let first = backend.expect_query("").await.unwrap();
    assert!(first.contains("SET idle_session_timeout = 30000;"), "{first}");
}
