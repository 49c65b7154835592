//! Several hosts: whatever makes one unfit for a feed, the next one is tried; and only what is wrong with all
//! of them is returned by `connect()`.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::time::Duration;

use nudge_engine::{ErrorKind, SessionAttributes};
use pgnudge_scripted::{
    Backend, Connecting, Live, Network, Reception, S, Stage, failure, knobs, soon, timed, told,
};
use pgnudge_testkit::BACKEND_KEY;
use pgnudge_testkit::frames::{self, Report};

/// What a server may have against a feed, where it says so, and whether that is permanent.
fn refusals() -> [(Stage, Report, bool); 12] {
    let report = |code, message| Report::new("ERROR", code, message);
    [
        (Stage::Startup, report("28P01", "password authentication failed"), true),
        (Stage::Startup, report("28000", "no pg_hba.conf entry"), true),
        (Stage::Startup, report("3D000", "database does not exist"), true),
        (Stage::Startup, report("53300", "too many clients"), false),
        (Stage::Startup, report("57P03", "the database system is starting up"), false),
        (Stage::Settings, report("42601", "syntax error"), true),
        (Stage::Slot, report("42501", "must be superuser or replication role"), true),
        (Stage::Slot, report("55000", "logical decoding requires wal_level >= logical"), true),
        (Stage::Slot, report("0A000", "logical decoding cannot be used while in recovery"), true),
        (Stage::Slot, report("58P01", "could not access file \"test_decoding\""), true),
        (Stage::Slot, report("53400", "all replication slots are in use"), false),
        (Stage::Start, report("22023", "unknown option"), true),
    ]
}

async fn refuses(network: &mut Network, stage: Stage, report: &Report) -> Backend {
    let mut backend = network.accept().await;
    backend.goes_to(stage).await;
    backend.answer_error(report).await.unwrap();
    backend
}

/// A feed that begins to connect to two servers.
fn connect(first: &Network, second: &Network) -> Connecting {
    Network::connect_to([first, second], SessionAttributes::Any, knobs())
}

/// The server process of a standby, which says so at login.
async fn standby(network: &mut Network) -> Backend {
    let mut backend = network.accept().await;
    backend.expect_startup().await.unwrap();
    let welcome = [
        frames::authentication_ok(),
        frames::parameter_status("in_hot_standby", "on"),
        frames::backend_key_data(BACKEND_KEY.0, BACKEND_KEY.1),
        frames::ready_for_query(),
    ];
    backend.sends(&welcome.concat()).await;
    backend
}

const RECOVERY: (&str, &str) = ("0A000", "logical decoding cannot be used while in recovery");

/// It lets the feed in, and cannot decode.
async fn standby_of_15(network: &mut Network) {
    let mut backend = standby(network).await;
    backend.prepares().await;
    backend.asked_for_slot().await;
    backend.answer_error(&Report::new("ERROR", RECOVERY.0, RECOVERY.1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_host_that_refuses_is_passed_over_wherever_it_does() {
    for (stage, report, _) in refusals() {
        let (mut first, mut second) = (Network::new(), Network::new());
        let connecting = connect(&first, &second);
        let mut refused = refuses(&mut first, stage, &report).await;
        let (time, mut backend) = timed(second.accept()).await;
        assert_eq!(time, Duration::ZERO, "{report:?}");
        refused.is_left().await;
        assert_eq!(told(&connecting.status.borrow()), "connecting", "{report:?}");
        backend.streams().await;
        connecting.live().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_falls_silent_is_passed_over_wherever_it_does() {
    for stage in Stage::BEFORE_STREAM {
        let (mut first, mut second) = (Network::new(), Network::new());
        let connecting = connect(&first, &second);
        let mut silent = first.accept().await;
        silent.goes_to(stage).await;
        let (limit, mut backend) = timed(second.accept()).await;
        // Half a second into the wait for a slot a question is asked beside it, and the wait is cancelled.
        let expect =
            if stage == Stage::Slot { knobs().slot_timeout + S * 2 } else { knobs().connect_timeout };
        assert!(limit <= expect, "{stage:?}: {limit:?}");
        backend.streams().await;
        connecting.live().await;
    }
    let (first, mut second) = (Network::new(), Network::new());
    first.receives_with(Reception::Silence);
    let connecting = connect(&first, &second);
    second.accept().await.streams().await;
    connecting.live().await;
}

#[tokio::test(start_paused = true)]
async fn a_round_fails_for_good_only_if_every_host_does() {
    for (stage, report, permanent) in refusals() {
        for in_order in [true, false] {
            let (mut one, mut other) = (Network::new(), Network::new());
            let connecting = if in_order { connect(&one, &other) } else { connect(&other, &one) };
            let mut status = connecting.status.clone();
            let wal_level = Report::new("ERROR", "55000", "logical decoding requires wal_level >= logical");
            let refusing = async {
                tokio::join!(refuses(&mut one, stage, &report), refuses(&mut other, Stage::Slot, &wal_level))
            };
            let _refused = soon("both", refusing).await;
            let error = if permanent { connecting.error().await } else { failure(&mut status).await.error };
            assert_eq!(error.is_permanent(), permanent, "{error}");
            let words = error.to_string();
            assert!(words.contains("pipe 1: ") && words.contains("pipe 2: "), "{words}");
            assert!(error.hint().is_some() && error.sqlstate().is_some(), "{error:?}");
        }
    }
}

/// What is waited for is told first: the other host will not do anyway.
#[tokio::test(start_paused = true)]
async fn while_the_primary_is_down_its_standby_is_no_reason_to_give_up() {
    let (mut first, mut second) = (Network::new(), Network::new());
    second.receives_with(Reception::Refusal);
    let mut connecting = connect(&first, &second);
    standby_of_15(&mut first).await;
    let error = failure(&mut connecting.status).await.error;
    assert_eq!((error.kind(), error.is_permanent()), (ErrorKind::Network, false), "{error}");
    assert!(error.to_string().starts_with("pipe 2: connection refused; pipe 1: "), "{error}");
    second.receives_with(Reception::Connection);
    standby_of_15(&mut first).await;
    second.accept().await.streams().await;
    connecting.live().await;
}

#[tokio::test(start_paused = true)]
async fn a_living_feed_leaves_a_host_that_came_back_unfit() {
    for (stage, report, _) in refusals() {
        let (mut first, mut second) = (Network::new(), Network::new());
        let connecting = connect(&first, &second);
        let mut backend = first.accept().await;
        backend.streams().await;
        let mut feed = connecting.live().await;
        feed.next().await;
        drop(backend);
        let _refused = refuses(&mut first, stage, &report).await;
        let (time, mut backend) = timed(second.accept()).await;
        assert_eq!(time, Duration::ZERO, "{report:?}");
        backend.streams().await;
        assert_eq!(Live { network: second, backend, feed }.next().await, "reconnected", "{report:?}");
    }
}

/// The second round takes any server that will do, so one that cannot decode is passed over in it, too.
#[tokio::test(start_paused = true)]
async fn prefer_standby_takes_the_primary_where_no_standby_can_decode() {
    let (mut first, mut second) = (Network::new(), Network::new());
    let connecting = Network::connect_to([&first, &second], SessionAttributes::PreferStandby, knobs());
    standby_of_15(&mut first).await;
    second.accept().await.lets_in().await;
    standby_of_15(&mut first).await;
    second.accept().await.streams().await;
    connecting.live().await;
}

#[tokio::test(start_paused = true)]
async fn prefer_standby_takes_a_standby_that_can_decode() {
    let (mut first, mut second) = (Network::new(), Network::new());
    let connecting = Network::connect_to([&first, &second], SessionAttributes::PreferStandby, knobs());
    first.accept().await.lets_in().await;
    let mut backend = standby(&mut second).await;
    backend.prepares().await;
    backend.makes_slot().await;
    backend.starts().await;
    connecting.live().await;
}
