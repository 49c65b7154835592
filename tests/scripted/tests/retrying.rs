//! Which failures end a feed, and how the others are retried.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::time::Duration;

use nudge_engine::ErrorKind;
use nudge_engine::policy::Retries;
use pgnudge_scripted::{
    Backend, Connecting, Failure, Live, MS, Network, Reception, S, Stage, failure, knobs, timed, told,
};
use pgnudge_testkit::frames::Report;
use tokio::time::sleep;

/// Refuses the feed at some stage.
async fn refuses(network: &mut Network, stage: Stage, report: &Report) -> Backend {
    let mut backend = network.accept().await;
    backend.goes_to(stage).await;
    backend.answer_error(report).await.unwrap();
    backend
}

#[tokio::test(start_paused = true)]
async fn delays_double_up_to_the_maximum_give_or_take_half() {
    let network = Network::new();
    network.receives_with(Reception::Refusal);
    let Connecting { mut status, feed: _feed } = network.connect(knobs());
    let means = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];
    let mut announced = Duration::ZERO;
    for (mean, number) in means.map(|mean| mean * MS).into_iter().zip(1..) {
        let (waited, Failure { error, delay, attempt }) = timed(failure(&mut status)).await;
        assert_eq!((error.to_string().as_str(), attempt), ("pipe 1: connection refused", number));
        assert!((mean / 2..=mean * 3 / 2).contains(&delay), "{delay:?} for {mean:?}");
        assert!(waited >= announced && waited < announced + 2 * MS, "{waited:?} for {announced:?}");
        announced = delay;
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_healthy_stream_begins_a_new_row() {
    let mut live = Live::new(knobs()).await;
    let mut status = live.feed.status();
    let mut row = Vec::new();
    for streamed in [Duration::ZERO, MS, Retries::HEALTHY_AFTER - MS, Retries::HEALTHY_AFTER, S] {
        sleep(streamed).await;
        let Live { network, backend, feed } = live;
        drop(backend);
        row.push(failure(&mut status).await.attempt);
        let mut network = network;
        let mut backend = network.accept().await;
        backend.streams().await;
        live = Live { network, backend, feed };
    }
    assert_eq!(row, [1, 2, 3, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_trying_again_does_not_cure_is_returned_by_connect() {
    let wal_level = Report::new("ERROR", "55000", "logical decoding requires wal_level >= logical");
    for (stage, report, kind) in [
        (
            Stage::Startup,
            Report::new("FATAL", "28P01", "password authentication failed"),
            ErrorKind::Authentication,
        ),
        (Stage::Startup, Report::new("FATAL", "28000", "no pg_hba.conf entry"), ErrorKind::Authentication),
        (Stage::Startup, Report::new("FATAL", "3D000", "database does not exist"), ErrorKind::Database),
        (
            Stage::Slot,
            Report::new("ERROR", "42501", "must be superuser or replication role"),
            ErrorKind::Privilege,
        ),
        (Stage::Slot, wal_level, ErrorKind::WalLevel),
        (Stage::Slot, Report::new("ERROR", "0A000", "not while in recovery"), ErrorKind::Server),
        (Stage::Settings, Report::new("ERROR", "42601", "syntax error"), ErrorKind::Protocol),
        (Stage::Start, Report::new("ERROR", "22023", "unknown option"), ErrorKind::Config),
    ] {
        let mut network = Network::new();
        let connecting = network.connect(knobs());
        let mut backend = refuses(&mut network, stage, &report).await;
        let (time, error) = timed(connecting.error()).await;
        assert_eq!((time, error.kind(), error.is_permanent()), (Duration::ZERO, kind, true), "{error}");
        assert!(error.hint().is_some(), "{error}");
        backend.is_left().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_over_the_next_time_is_tried_again() {
    for (stage, code, kind) in [
        (Stage::Startup, "57P03", ErrorKind::Unavailable),
        (Stage::Startup, "53300", ErrorKind::Exhausted),
        (Stage::Slot, "53400", ErrorKind::Exhausted),
        (Stage::Slot, "55P03", ErrorKind::Timeout),
        (Stage::Slot, "57014", ErrorKind::Timeout),
        (Stage::Start, "55006", ErrorKind::Server),
        (Stage::Start, "XX000", ErrorKind::Server),
    ] {
        let mut network = Network::new();
        let mut connecting = network.connect(knobs());
        let _refused = refuses(&mut network, stage, &Report::new("ERROR", code, "not now")).await;
        let Failure { error, .. } = failure(&mut connecting.status).await;
        assert_eq!((error.kind(), error.is_permanent()), (kind, false), "{error}");
        let mut backend = network.accept().await;
        backend.streams().await;
        connecting.live().await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_first_success_everything_is_tried_again() {
    let Live { mut network, backend, feed } = Live::new(knobs()).await;
    drop(backend);
    let report = Report::new("FATAL", "28P01", "password authentication failed");
    let _refused = refuses(&mut network, Stage::Startup, &report).await;
    let mut status = feed.status();
    let Failure { error, .. } = failure(&mut status).await;
    assert!(error.is_permanent(), "{error}");
    let expect = "backing off: pipe 1: password authentication failed (SQLSTATE 28P01) while logging in";
    assert_eq!(told(&status.borrow()), expect);
    let mut backend = network.accept().await;
    backend.streams().await;
    assert_eq!(Live { network, backend, feed }.next().await, "reconnected");
}

/// A server that says why it ends a connection is heard, also when it does not listen any more.
#[tokio::test(start_paused = true)]
async fn the_servers_last_words_count_more_than_a_failed_write() {
    // Narrower than a status: after some time one is under way for ever.
    let mut live = Live::on(Network::narrow(32), knobs()).await;
    sleep(60 * S).await;
    let report = Report::new("FATAL", "57P01", "because I say so");
    let words = pgnudge_testkit::frames::error_response(&report);
    let mut status = live.feed.status();
    live.backend.sends(&words).await;
    drop(live.backend);
    assert_eq!(failure(&mut status).await.error.kind(), ErrorKind::Unavailable);
}
