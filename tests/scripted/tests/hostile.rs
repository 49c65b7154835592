//! A server that means harm, or is none at all: it cannot hang the feed, crash it, fill its memory or
//! get anything out of it.

use std::time::Duration;

use nudge_engine::{Error, ErrorKind};
use pgnudge_scripted::{Backend, Connecting, Live, MS, Network, Stage, failure, knobs, settle, timed};
use pgnudge_testkit::frames::{self, Report};
use pgnudge_testkit::{Fault, FrontendMessage, ScramServer};
use tokio::time::timeout;

/// A feed that waits in this stage, and its server.
async fn at(stage: Stage) -> (Network, Connecting, Backend) {
    let mut network = Network::new();
    let connecting = network.connect(knobs());
    let mut backend = network.accept().await;
    backend.goes_to(stage).await;
    (network, connecting, backend)
}

/// What connect() makes of these bytes in this stage: an error at once. The feed hangs up without a
/// further word.
async fn error_of(stage: Stage, bytes: &[u8]) -> Error {
    let (_network, connecting, mut backend) = at(stage).await;
    backend.sends(bytes).await;
    let (time, ()) = timed(backend.is_left()).await;
    assert!(time.is_zero(), "{stage:?}: {time:?} for {}", bytes.escape_ascii());
    connecting.error().await
}

/// The bytes break the protocol in every stage; a feed that is live reconnects.
async fn breaks_the_protocol_everywhere(bytes: &[u8]) {
    for stage in Stage::BEFORE_STREAM {
        let error = error_of(stage, bytes).await;
        assert_eq!((error.kind(), error.is_permanent()), (ErrorKind::Protocol, true), "{stage:?}: {error}");
    }
    let mut live = Live::new(knobs()).await;
    live.backend.sends(bytes).await;
    let mut live = live.reconnects().await;
    assert_eq!(live.next().await, "reconnected");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_server() {
    for bytes in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"220 mail.example ESMTP\r\n", &[0; 64], &[0xff; 64]]
    {
        breaks_the_protocol_everywhere(bytes).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lengths_that_cannot_be() {
    // E is known in every stage.
    for length in [i32::MIN, -1, 0, 3] {
        breaks_the_protocol_everywhere(&[b"E", &length.to_be_bytes()[..]].concat()).await;
    }
}

/// Messages that have to be read as a whole are refused by their length, and not waited for.
#[tokio::test(start_paused = true)]
async fn lengths_that_no_honest_server_needs() {
    for (stage, tag) in [
        (Stage::Startup, b'R'),
        (Stage::Authentication, b'R'),
        (Stage::Settings, b'D'),
        (Stage::Settings, b'Z'),
        (Stage::Slot, b'C'),
        (Stage::Start, b'W'),
    ] {
        let error = error_of(stage, &frames::frame_header(tag, 1 << 30)).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{stage:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_out_of_turn() {
    let ok = frames::authentication_ok;
    let ready = frames::ready_for_query;
    let row = || frames::data_row(&[Some("x")]);
    for (stage, bytes) in [
        (Stage::Startup, ready()),
        (Stage::Startup, frames::backend_key_data(1, 2)),
        (Stage::Startup, frames::parameter_status("a", "b")),
        (Stage::Startup, frames::authentication_sasl_final(b"v=x")),
        (Stage::Startup, [ok(), ok()].concat()),
        (Stage::Startup, [ok(), ready()].concat()), // without a key to cancel with
        (Stage::Startup, [ok(), row()].concat()),
        (Stage::Authentication, frames::authentication_sasl(&["SCRAM-SHA-256"])),
        (Stage::Authentication, frames::authentication_cleartext()),
        (Stage::Settings, ok()),
        (Stage::Settings, frames::copy_both_response()),
        (Stage::Slot, frames::copy_data(b"x")),
        (Stage::Slot, ready()), // an answer without a row
        (Stage::Start, ready()),
        (Stage::Start, row()),
        (Stage::Start, frames::xlog_data(1, 2, b"BEGIN 748")),
        (Stage::Start, frames::primary_keepalive(1, true)),
    ] {
        let error = error_of(stage, &bytes).await;
        let expected = [ErrorKind::Protocol, ErrorKind::Authentication].contains(&error.kind());
        assert!(expected, "{stage:?} {}: {error}", bytes.escape_ascii());
    }
    for bytes in [ok(), ready(), row(), frames::copy_both_response()] {
        let mut live = Live::new(knobs()).await;
        live.backend.sends(&bytes).await;
        assert_eq!(live.reconnects().await.next().await, "reconnected", "{}", bytes.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_not_what_their_tags_promise() {
    for (stage, tag, body) in [
        (Stage::Startup, b'R', &b""[..]),
        (Stage::Startup, b'R', b"\0\0\0\x05x"),
        (Stage::Startup, b'R', b"\0\0\0\x0aSCRAM-SHA-256"),
        (Stage::Authentication, b'R', b"\0\0\0\x0b\xff\xff"),
        (Stage::Settings, b'D', b"\0\x05"),
        (Stage::Settings, b'D', b"\xff\xff\0\0\0\x01x"),
        (Stage::Settings, b'S', b"no end"),
        (Stage::Slot, b'D', b"\0\x01\x7f\xff\xff\xffx"),
    ] {
        let error = error_of(stage, &frames::frame(tag, body)).await;
        let expected = [ErrorKind::Protocol, ErrorKind::Authentication].contains(&error.kind());
        assert!(expected, "{stage:?} {}: {error}", body.escape_ascii());
    }
    for body in [&b"w"[..], b"k", b"w\0\0", b"k\0\0\0\0\0\0\0\0"] {
        let mut live = Live::new(knobs()).await;
        live.backend.sends(&frames::copy_data(body)).await;
        assert_eq!(live.reconnects().await.next().await, "reconnected", "{}", body.escape_ascii());
    }
}

/// An answer to CREATE_REPLICATION_SLOT that is a row, but not this one.
#[tokio::test(start_paused = true)]
async fn a_slot_without_a_position() {
    for row in [&[Some("slot")][..], &[Some("slot"), None], &[Some("slot"), Some("nowhere")], &[]] {
        let answer =
            [frames::data_row(row), frames::command_complete("CREATE"), frames::ready_for_query()].concat();
        assert_eq!(error_of(Stage::Slot, &answer).await.kind(), ErrorKind::Protocol);
    }
}

#[tokio::test(start_paused = true)]
async fn errors_that_say_nothing_are_errors() {
    for body in [&b""[..], b"\0", b"Mtext", b"\xff\xff\xff"] {
        for stage in Stage::BEFORE_STREAM {
            let (_network, mut connecting, mut backend) = at(stage).await;
            backend.sends(&[frames::frame(b'E', body), frames::ready_for_query()].concat()).await;
            assert_eq!(failure(&mut connecting.status).await.error.kind(), ErrorKind::Server, "{stage:?}");
            backend.is_left().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_know_the_password() {
    for (server, says) in [
        (ScramServer::new("secret").fault(Fault::WrongSignature), "its SCRAM signature is wrong"),
        (ScramServer::new("secret").fault(Fault::NoSignature), "before proving that it knows the password"),
        (ScramServer::new("secret").fault(Fault::ForeignNonce), "the nonce does not extend the client's"),
        (ScramServer::new("secret").iterations(2_000_000_000), "more than the 1000000 that are allowed"),
        (ScramServer::new("secret").iterations(0), "an iteration count that is none"),
    ] {
        let mut network = Network::new();
        let connecting = network.connect(knobs());
        let mut backend = network.accept().await;
        // The script fails wherever the feed hangs up on it.
        let _ = backend.handshake_scram(server).await;
        let error = connecting.error().await;
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.is_permanent() && error.hint().is_some());
    }
}

/// On a connection that somebody could read along.
#[tokio::test(start_paused = true)]
async fn a_server_that_wants_the_password_gets_nothing() {
    let sasl = |mechanism| frames::authentication_sasl(&[mechanism]);
    for request in [
        frames::authentication_cleartext(),
        frames::authentication_md5(*b"salt"),
        frames::authentication_request(7, &[]),
        sasl("PLAIN"),
        sasl("SCRAM-SHA-256-PLUS"), // there is nothing to bind to
    ] {
        let error = error_of(Stage::Startup, &request).await;
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_at_any_stage_is_survived() {
    for stage in Stage::ALL {
        for end in [|backend: Backend| drop(backend), Backend::resets] {
            let (mut network, connecting, backend) = at(stage).await;
            settle().await;
            end(backend);
            let mut backend = network.accept().await;
            backend.streams().await;
            let mut live = Live { feed: connecting.live().await, network, backend };
            settle().await;
            // Unread, the one Resync of the first stream absorbs the next one's.
            assert_eq!(live.next().await, "connected", "{stage:?}");
            live.is_quiet().await;
        }
    }
}

/// It asks for an answer with every message, and never reads one: the answers must not pile up.
#[tokio::test(start_paused = true)]
async fn a_server_that_asks_and_does_not_listen() {
    let mut live = Live::on(Network::narrow(1024), knobs()).await;
    for _ in 0..10_000 {
        live.backend.send_keepalive(0x100, true).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut statuses = 0;
    while let Ok(Ok(FrontendMessage::Status(_))) = timeout(10 * MS, live.backend.next()).await {
        statuses += 1;
    }
    assert!(statuses <= 1024 / 39 + 2, "{statuses} statuses were kept");
}

/// Positions may be anything; the highest is what a client of PostgreSQL has to believe.
#[tokio::test(start_paused = true)]
async fn absurd_positions() {
    let mut live = Live::new(knobs()).await;
    live.backend.send_keepalive(u64::MAX, true).await.unwrap();
    assert_eq!(live.backend.status().await.flush, u64::MAX);
    live.backend.send_xlog_data(0, 0, b"table public.a: INSERT: id[integer]:1").await.unwrap();
    assert_eq!(live.next().await, "public.a 1");
}

/// Terminal escapes in an error's text do not reach a terminal.
#[tokio::test(start_paused = true)]
async fn words_that_steer_a_terminal() {
    let report = Report::new("FATAL", "28P01", "\u{1b}[2Jwelcome\u{7}");
    let error = error_of(Stage::Startup, &frames::error_response(&report)).await;
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_flood_of_messages_is_found() {
    let mut live = Live::new(knobs()).await;
    let mut flood = frames::xlog_data(1, 2, b"table public.a: INSERT: id[integer]:1").repeat(2000);
    flood.extend(frames::error_response(&Report::new("FATAL", "57P01", "enough")));
    live.backend.sends(&flood).await;
    let item = timeout(Duration::from_millis(60), live.feed.next()).await.unwrap();
    assert_eq!(pgnudge_scripted::wakeup(&item), "public.a 2000");
}
