//! R13: an item goes out only when a snapshot of the server sees what it stands for. A second session,
//! played here too, tells what can be seen.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::time::Duration;

use nudge_engine::Knobs;
use nudge_engine::policy::{Edge, Visibility};
use nudge_engine::runtime::Status;
use pgnudge_scripted::{
    Backend, Live, MS, Network, Reception, S, START, Server, XID, knobs, position, settle, soon, timed,
    wakeup, with_a_slot,
};
use pgnudge_testkit::frames;
use tokio::time::{sleep, timeout};

/// A commit goes out at once, so that it is always a fresh one.
fn eager() -> Knobs {
    Knobs { edge: Edge::Leading, visibility: Visibility::Auto, ..knobs() }
}

/// By default: a commit goes out 50 ms later, when it has long been visible.
fn relaxed() -> Knobs {
    Knobs { visibility: Visibility::Auto, ..knobs() }
}

/// A live feed of a server that waits for these standbys.
async fn live(knobs: Knobs, standbys: &'static str) -> Live {
    let mut live = Live::of(Server { standbys, ..Server::default() }, knobs).await;
    assert_eq!(live.next().await, "connected");
    sleep(S).await;
    live
}

/// The second session, once it is asked for.
async fn witness(network: &mut Network) -> Backend {
    let mut witness = network.accept().await;
    let startup = witness.handshake_trust().await.unwrap();
    assert_eq!(startup.parameter("replication"), None, "no walsender");
    witness
}

/// Answers that XID is still running, so many times, and then that it is not.
async fn is_seen_after(witness: &mut Backend, looks: u32) {
    for _ in 0..looks {
        witness.sees(XID + 10, &[XID - 1, XID]).await;
    }
    witness.sees(XID + 10, &[XID - 1]).await;
}

#[tokio::test(start_paused = true)]
async fn r13_a_fresh_commit_waits_until_it_is_visible() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    let mut session = None;
    for (looks, waits) in [(0, 0), (1, 1), (4, 1 + 2 + 4 + 8), (0, 0)] {
        backend.commits(&["public.a"]).await;
        let script = async {
            // One session for all questions.
            let witness = match &mut session {
                Some(witness) => witness,
                none => none.insert(witness(&mut network).await),
            };
            is_seen_after(witness, looks).await;
        };
        let ((time, item), ()) = tokio::join!(timed(feed.next()), script);
        assert_eq!((wakeup(&item), time), ("public.a 1".to_owned(), waits * MS));
        sleep(S).await;
    }
}

/// What commits just before the slot's start is not decoded: the refetch has to see it.
#[tokio::test(start_paused = true)]
async fn r13_a_stream_begins_when_what_ran_at_its_slot_has_ended() {
    let mut network = Network::new();
    let (connecting, mut backend) = with_a_slot(&mut network, Server::default(), relaxed()).await;
    let (time, ()) = timed(async {
        for running in [&[XID, XID + 1][..], &[XID + 1, XID + 2], &[XID + 2]] {
            assert!(backend.asks_what_runs().await);
            backend.runs(running).await;
        }
        backend.starts().await;
    })
    .await;
    assert_eq!(time, 3 * MS, "two pauses, and none for what has begun since");
    let mut feed = connecting.live().await;
    assert_eq!(wakeup(&feed.next().await), "connected");
}

/// A long transaction commits later, and will be decoded.
#[tokio::test(start_paused = true)]
async fn r13_a_stream_does_not_wait_long_for_what_runs_on() {
    for (standbys, patience) in [("", 100 * MS), ("*", S)] {
        let mut network = Network::new();
        let server = Server { standbys, ..Server::default() };
        let (_connecting, mut backend) = with_a_slot(&mut network, server, relaxed()).await;
        let (time, ()) = timed(async {
            while backend.asks_what_runs().await {
                backend.runs(&[XID]).await;
            }
        })
        .await;
        assert_eq!(time, patience, "{standbys:?}");
    }
}

/// A transaction that the server has not even begun, by its own account, is not seen.
#[tokio::test(start_paused = true)]
async fn r13_a_snapshot_from_before_the_transaction_does_not_see_it() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    backend.commits(&["public.a"]).await;
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.sees(XID, &[]).await;
        witness.sees(XID + 1, &[]).await;
    };
    let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
    assert_eq!(time, MS);
}

#[tokio::test(start_paused = true)]
async fn r13_what_need_not_be_checked_is_not() {
    let off = Knobs { visibility: Visibility::Off, ..eager() };
    for (knobs, standbys) in [(relaxed(), ""), (off.clone(), ""), (off, "standby")] {
        let mut live = live(knobs, standbys).await;
        live.backend.commits(&["public.a"]).await;
        assert_eq!(live.next().await, "public.a 1");
        assert!(timeout(S, live.network.accept()).await.is_err(), "a second session");
    }
}

/// What a standby decodes it has replayed, and that is visible.
#[tokio::test(start_paused = true)]
async fn r13_a_standby_is_not_asked() {
    let mut network = Network::new();
    let connecting = network.connect(eager());
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.sends(&frames::parameter_status("in_hot_standby", "on")).await;
    backend.prepares().await;
    backend.makes_slot().await;
    backend.starts().await;
    let mut live = Live { feed: connecting.live().await, backend, network };
    assert_eq!(live.next().await, "connected");
    sleep(S).await;
    live.backend.commits(&["public.a"]).await;
    assert_eq!(timed(live.next()).await, (Duration::ZERO, "public.a 1".to_owned()));
}

/// With an absent synchronous standby this takes hours; what comes meanwhile is the next window.
#[tokio::test(start_paused = true)]
async fn r13_a_commit_that_waits_for_a_standby_is_held() {
    let Live { mut network, mut backend, mut feed } = live(relaxed(), "standby").await;
    backend.commits(&["public.a"]).await;
    let script = async {
        let mut witness = witness(&mut network).await;
        for look in 0..10_000 {
            if look % 100 == 0 {
                backend.commits(&["public.b"]).await;
            }
            witness.sees(XID + 1, &[XID]).await;
        }
        witness.sees(XID + 1, &[]).await;
        witness
    };
    let ((time, item), mut witness) = tokio::join!(timed(feed.next()), script);
    assert_eq!(wakeup(&item), "public.a 1");
    assert!(time > 400 * S, "{time:?}");
    let (item, ()) = tokio::join!(feed.next(), witness.sees(XID + 1, &[]));
    assert_eq!(wakeup(&item), "public.b 100");
}

#[tokio::test(start_paused = true)]
async fn r13_a_part_of_a_transaction_waits_and_carries_a_later_position() {
    let Live { mut network, mut backend, mut feed } = live(relaxed(), "").await;
    backend.begins().await;
    backend.changes("public.a").await;
    let script = async { is_seen_after(&mut witness(&mut network).await, 1).await };
    let ((time, item), ()) = tokio::join!(timed(feed.next()), script);
    assert_eq!((time, wakeup(&item)), (1001 * MS, "public.a 1".to_owned()), "forced by max_batch_wait");
    assert_eq!(position(&item), 0x900, "the end of the log when it was seen");
}

/// The state of a feed that should check items and cannot.
fn is_unchecked(status: &Status) -> bool {
    matches!(status, Status::Streaming { unchecked: Some(_), .. })
}

#[tokio::test(start_paused = true)]
async fn r13_without_a_second_session_items_are_a_second_late() {
    for reception in [Reception::Refusal, Reception::Silence, Reception::Connection] {
        let mut live = live(eager(), "").await;
        live.network.receives_with(reception);
        for _ in 0..3 {
            live.backend.commits(&["public.a"]).await;
            let (time, item) = timed(live.next()).await;
            assert_eq!((item.as_str(), time.as_secs_f32().round()), ("public.a 1", 1.0), "{reception:?}");
            assert!(is_unchecked(&live.feed.status().borrow()), "{reception:?}");
            sleep(S).await;
        }
    }
}

/// A login may take longer than an item waits; then it is there for the next one.
#[tokio::test(start_paused = true)]
async fn r13_a_slow_login_is_not_given_up() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    backend.commits(&["public.a"]).await;
    let (mut second, (time, _)) = tokio::join!(network.accept(), timed(feed.next()));
    assert_eq!(time, S, "one goes out unchecked");
    backend.commits(&["public.a"]).await;
    let script = async {
        sleep(S / 2).await;
        second.handshake_trust().await.unwrap();
        is_seen_after(&mut second, 0).await;
    };
    let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
    assert_eq!(time, S / 2, "on the same connection");
    assert!(!is_unchecked(&feed.status().borrow()));
}

#[tokio::test(start_paused = true)]
async fn r13_a_second_session_that_is_lost_over_a_question_is_made_again() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    let status = feed.status();
    backend.commits(&["public.a"]).await;
    let script = async {
        drop(witness(&mut network).await);
        let mut second = witness(&mut network).await;
        assert!(is_unchecked(&status.borrow()));
        is_seen_after(&mut second, 2).await;
    };
    let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
    assert_eq!(time, (250 + 2 + 4) * MS, "a failure counts as a look");
    assert!(!is_unchecked(&status.borrow()));
}

/// Something in between ends connections that are idle for long.
#[tokio::test(start_paused = true)]
async fn r13_a_second_session_that_is_lost_at_rest_costs_no_time() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    for _ in 0..3 {
        sleep(3600 * S).await;
        backend.commits(&["public.a"]).await;
        let script = async { is_seen_after(&mut witness(&mut network).await, 0).await };
        let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
        assert!(time.is_zero(), "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn r13_a_second_session_that_talks_nonsense_is_none() {
    let endless = frames::data_row(&[Some("1000"), Some("0/1"), Some("7")]).repeat(1000);
    let no_numbers = frames::data_row(&[Some("x"), Some("y"), Some("z")]);
    let end = [frames::command_complete("SELECT"), frames::ready_for_query()].concat();
    let no_rows = end.clone();
    let error = frames::error_response(&frames::Report::new("ERROR", "42501", "not for you"));
    for nonsense in
        [endless, [no_numbers, end.clone()].concat(), no_rows, [error, end].concat(), b"?".to_vec()]
    {
        let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
        backend.commits(&["public.a"]).await;
        let script = async {
            loop {
                let mut witness = witness(&mut network).await;
                while witness.send(&nonsense).await.is_ok() {
                    sleep(10 * MS).await;
                }
            }
        };
        let (time, item) = tokio::select! {
            never = script => never,
            item = timed(feed.next()) => item,
        };
        assert!(time < 3 * S && wakeup(&item) == "public.a 1", "{time:?}");
    }
}

/// More transactions than any server can run: it would have to be kept until the end of the answer.
#[tokio::test(start_paused = true)]
async fn r13_an_answer_that_would_fill_the_memory_is_none() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    backend.commits(&["public.a"]).await;
    let script = async {
        let mut first = witness(&mut network).await;
        first.expect_query("SELECT").await.unwrap();
        let xmax = format!("{:08000}", XID + 1);
        let rows = frames::data_row(&[Some(&xmax), Some("0/1"), Some("f"), Some("7")]).repeat(100);
        for _ in 0..25 {
            first.sends(&rows).await;
        }
        first.answer_command("SELECT").await.unwrap();
        is_seen_after(&mut witness(&mut network).await, 0).await;
    };
    let ((time, _), ()) = tokio::join!(timed(feed.next()), script);
    assert_eq!(time, 250 * MS, "it is asked again");
}

#[tokio::test(start_paused = true)]
async fn r13_an_item_that_waits_is_swallowed_by_the_next_connection() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    backend.commits(&["public.a"]).await;
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.sees(XID + 1, &[XID]).await;
        drop(backend);
        backend = network.accept().await;
        backend.streams().await;
    };
    let (item, ()) = tokio::join!(feed.next(), script);
    assert_eq!((wakeup(&item).as_str(), position(&item)), ("reconnected", START));
}

/// R6 and R1: a Resync that waits is not lost, and its reason is the first.
#[tokio::test(start_paused = true)]
async fn r6_a_resync_that_waits_keeps_its_reason() {
    let Live { mut network, mut backend, mut feed } = Live::unread(Network::new(), eager()).await;
    backend.commits(&["public.a"]).await;
    settle().await;
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.sees(XID + 1, &[XID]).await;
        drop(backend);
        backend = network.accept().await;
        backend.streams().await;
    };
    let (item, ()) = tokio::join!(feed.next(), script);
    assert_eq!(wakeup(&item), "connected");
}

/// After a failover the ids of the lost server mean nothing.
#[tokio::test(start_paused = true)]
async fn r13_a_new_stream_waits_for_none_of_the_old_ones_transactions() {
    let mut live = live(Knobs { visibility: Visibility::Always, ..relaxed() }, "").await;
    live.backend.commits(&["public.a"]).await;
    let mut live = live.reconnects().await;
    let (time, item) = timed(live.next()).await;
    assert!(time.is_zero() && item == "reconnected", "{item} after {time:?}");
}

#[tokio::test(start_paused = true)]
async fn r11_next_is_cancel_safe_while_an_item_waits() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    backend.commits(&["public.a"]).await;
    let consumer = async {
        loop {
            if let Ok(item) = timeout(7 * MS, feed.next()).await {
                return wakeup(&item);
            }
        }
    };
    let script = async { is_seen_after(&mut witness(&mut network).await, 20).await };
    let (item, ()) = soon("both", async { tokio::join!(consumer, script) }).await;
    assert_eq!(item, "public.a 1");
}

#[tokio::test(start_paused = true)]
async fn r11_dropping_closes_the_second_session_too() {
    for asking in [false, true] {
        let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
        backend.commits(&["public.a"]).await;
        let script = async {
            let mut witness = witness(&mut network).await;
            if asking {
                witness.expect_query("SELECT").await.unwrap();
            } else {
                witness.sees(XID + 1, &[]).await;
                settle().await;
            }
            witness
        };
        let mut witness = tokio::select! {
            biased;
            witness = script => witness,
            () = async { loop { feed.next().await; } } => unreachable!(),
        };
        drop(feed);
        let (time, ()) = timed(witness.is_left()).await;
        assert!(time.is_zero(), "asking {asking}: {time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn r12_a_panic_is_loud_while_an_item_waits() {
    let Live { mut network, mut backend, mut feed } = live(relaxed(), "standby").await;
    backend.commits(&["public.a"]).await;
    let consumer = tokio::spawn(async move { feed.next().await });
    let mut witness = witness(&mut network).await;
    network.receives_with(Reception::Panic);
    drop(backend);
    let never_seen = async {
        loop {
            witness.sees(XID + 1, &[XID]).await;
        }
    };
    let panic = tokio::select! {
        biased;
        ended = soon("the panic", consumer) => ended.unwrap_err().into_panic(),
        () = never_seen => unreachable!(),
    };
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a bug"));
}
