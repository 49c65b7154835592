//! R13: an item goes out only when a snapshot of the server sees what it stands for. A second session,
//! played here too, tells what can be seen.

use std::time::Duration;

use nudge_engine::Knobs;
use nudge_engine::policy::Visibility;
use pgnudge_scripted::{
    Live, MS, Network, Reception, S, START, Server, XID, eager, is_seen_after, live, position, relaxed,
    settle, soon, timed, wakeup, with_a_slot, witness,
};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn r13_a_fresh_commit_waits_until_it_is_visible() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    let mut session = None;
    for (looks, waits) in [(0, 0), (1, 0), (4, 0), (8, 1 + 2 + 4 + 8), (0, 0)] {
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
        let both = [XID, XID + 1].as_slice();
        for running in [both, both, both, both, both, &[XID + 1, XID + 2], &[XID + 2]] {
            assert!(backend.asks_what_runs().await);
            backend.runs(running).await;
        }
        backend.starts().await;
    })
    .await;
    assert_eq!(time, 3 * MS, "two pauses after those without, and none for what has begun since");
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
    let (item, ()) = tokio::join!(feed.next(), script);
    assert_eq!(wakeup(&item), "public.a 1");
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
    let mut live = Live::of_standby(eager()).await;
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
    assert_eq!((time, wakeup(&item)), (S, "public.a 1".to_owned()), "forced by max_batch_wait");
    assert_eq!(position(&item), 0x900, "the end of the log when it was seen");
}

/// The state of a feed that should check items and cannot.
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
