//! What a server may send at any time, whatever it was asked (manual, "Asynchronous Operations").

#![expect(clippy::expect_used, reason = "helpers of a test")]

use nudge_engine::ErrorKind;
use pgnudge_scripted::{Backend, Live, Network, Stage, knobs};
use pgnudge_testkit::BACKEND_KEY;
use pgnudge_testkit::frames::{self, Report};

/// More than is looked at of any message.
const LONG: usize = 20_000;

/// Each of the asynchronous messages, short and too long to be looked at.
fn messages() -> [Vec<u8>; 6] {
    let long = "x".repeat(LONG);
    let notice = |text: &str| frames::notice_response(&Report::new("WARNING", "01000", text));
    [
        notice("it rains"),
        notice(&long),
        frames::parameter_status("TimeZone", "UTC"),
        frames::parameter_status("search_path", &long),
        frames::notification_response(1, "weather", "it rains"),
        frames::notification_response(1, "weather", &long),
    ]
}

/// Lets the feed in with the message between AuthenticationOk and ReadyForQuery.
async fn lets_in(backend: &mut Backend, message: &[u8]) {
    backend.expect_startup().await.expect("a startup message");
    let key = frames::backend_key_data(BACKEND_KEY.0, BACKEND_KEY.1);
    let parts = [&frames::authentication_ok()[..], message, &key, message, &frames::ready_for_query()];
    backend.sends(&parts.concat()).await;
}

#[tokio::test(start_paused = true)]
async fn asynchronous_messages_are_accepted_at_every_stage_after_the_login() {
    for message in messages() {
        let mut network = Network::new();
        let connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        lets_in(&mut backend, &message).await;
        backend.sends(&message).await;
        backend.prepares().await;
        backend.sends(&message).await;
        backend.makes_slot().await;
        backend.sends(&message).await;
        backend.expect_query("START_REPLICATION").await.expect("the stream is asked for");
        backend.sends(&message).await;
        backend.start_streaming().await.expect("the feed is there");
        let mut live = Live { feed: connecting.live().await, network, backend };
        assert_eq!(live.next().await, "connected");
        live.backend.begins().await;
        live.backend.sends(&message).await;
        live.backend.changes("public.a").await;
        live.backend.sends(&message).await;
        live.backend.ends().await;
        assert_eq!(live.next().await, "public.a 1");
        live.is_quiet().await;
    }
}

/// As in libpq: until AuthenticationOk the peer is a stranger, and PostgreSQL sends none of them.
#[tokio::test(start_paused = true)]
async fn asynchronous_messages_are_refused_before_the_login() {
    for message in messages() {
        for stage in [Stage::Startup, Stage::Authentication] {
            let mut network = Network::new();
            let connecting = network.connect(knobs());
            let mut backend = network.accept().await;
            backend.goes_to(stage).await;
            backend.sends(&message).await;
            let error = connecting.error().await;
            assert_eq!(
                (error.kind(), error.is_permanent()),
                (ErrorKind::Protocol, true),
                "{stage:?}: {error}"
            );
        }
    }
}
