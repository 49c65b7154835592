//! R13: an item goes out only when a snapshot of the server sees what it stands for. A second session,
//! played here too, tells what can be seen.

use nudge_engine::policy::Visibility;
use nudge_engine::{FeedItem, Knobs};
use pgnudge_scripted::{
    Live, MS, Network, Reception, S, START, Server, View, XID, eager, is_seen_after, live, position, relaxed,
    settle, soon, timed, wakeup, with_a_slot, witness,
};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn r13_a_fresh_commit_waits_until_it_is_visible() {
    let Live { mut network, mut backend, mut feed } = live(eager(), "").await;
    let mut session = None;
    // Four looks at once, then pauses.
    for (looks, waits) in [(0, 0), (1, 0), (4, 1), (8, 1 + 1 + 1 + 1 + 1), (0, 0)] {
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
        for running in [both, both, both, both, both, both, &[XID + 1, XID + 2], &[XID + 2]] {
            assert!(backend.asks_what_runs().await);
            backend.runs(running).await;
        }
        backend.starts().await;
    })
    .await;
    assert_eq!(time, 3 * MS, "pauses after looks without, and none for what has begun since");
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

/// By default every item is asked about, also one whose commit is long past: a server process may be stopped
/// between the flush of its commit and its end.
#[tokio::test(start_paused = true)]
async fn r13_what_need_not_be_checked_is_not() {
    for (visibility, standbys, asked) in [
        (Visibility::Always, "", true),
        (Visibility::Recent, "", false),
        (Visibility::Recent, "standby", true),
        (Visibility::Off, "standby", false),
    ] {
        let knobs = Knobs { visibility, ..relaxed() };
        let Live { mut network, mut backend, mut feed } = live(knobs, standbys).await;
        backend.commits(&["public.a"]).await;
        let script = async {
            if asked {
                witness(&mut network).await.sees(XID + 1, &[]).await;
            }
        };
        let ((time, item), ()) = soon("both", async { tokio::join!(timed(feed.next()), script) }).await;
        assert_eq!((time, wakeup(&item)), (50 * MS, "public.a 1".to_owned()), "{visibility:?} {standbys}");
    }
}

/// What a standby decodes it has replayed, and that is visible. But it may be promoted under the feed, and
/// does not say so: then it decodes what commits on it, which may not be visible yet.
#[tokio::test(start_paused = true)]
async fn r13_a_standby_that_is_promoted_is_a_primary() {
    let Live { mut network, mut backend, mut feed } = Live::of_standby(eager()).await;
    let mut witness = witness(&mut network).await;
    backend.commits(&["public.a"]).await;
    let standby = View { standby: true, ..View::default() };
    let (item, _) = soon("both", async { tokio::join!(feed.next(), witness.shows(&standby, &[])) }).await;
    assert_eq!(wakeup(&item), "public.a 1");
    sleep(S).await;
    backend.commits(&["public.a"]).await;
    let ((time, item), ()) =
        soon("both", async { tokio::join!(timed(feed.next()), is_seen_after(&mut witness, 10)) }).await;
    assert_eq!(wakeup(&item), "public.a 1");
    assert!(time >= 6 * MS, "{time:?}");
}

/// `synchronous_standby_names` changes with a reload: that comes with the answers, too.
#[tokio::test(start_paused = true)]
async fn r13_standbys_may_come_under_a_living_feed() {
    let knobs = Knobs { visibility: Visibility::Recent, ..relaxed() };
    let Live { mut network, mut backend, mut feed } = live(knobs, "standby").await;
    let mut witness = witness(&mut network).await;
    for (standbys, asked) in [("", true), ("", false)] {
        backend.commits(&["public.a"]).await;
        let script = async {
            if asked {
                witness.shows(&View { standbys, ..View::default() }, &[]).await;
            }
        };
        let (item, ()) = soon("both", async { tokio::join!(feed.next(), script) }).await;
        assert_eq!(wakeup(&item), "public.a 1");
        sleep(S).await;
    }
}

/// With an absent synchronous standby this takes hours. What commits meanwhile and can be seen passes it by;
/// what cannot waits with it, and is one item.
#[tokio::test(start_paused = true)]
async fn r13_a_commit_that_waits_for_a_standby_holds_nothing_else() {
    let Live { mut network, mut backend, mut feed } = live(relaxed(), "standby").await;
    backend.commits(&["public.hangs"]).await;
    let script = async {
        let mut witness = witness(&mut network).await;
        let mut running = vec![XID];
        for n in 1..100 {
            backend.xid = XID + n;
            if n % 10 == 0 {
                running.push(backend.xid);
                backend.commits(&["public.hangs"]).await;
            } else {
                backend.commits(&["public.local"]).await;
            }
            let looks = async {
                loop {
                    witness.sees(XID + 1000, &running).await;
                }
            };
            tokio::select! { () = looks => (), () = sleep(100 * MS) => () }
        }
        loop {
            witness.sees(XID + 1000, &[]).await;
        }
    };
    let consumer = async {
        let mut told = Vec::new();
        while told.last().is_none_or(|item: &String| !item.contains("hangs")) {
            told.push(wakeup(&feed.next().await));
        }
        told
    };
    let told = tokio::select! { never = script => never, told = soon("items", consumer) => told };
    let (last, before) = told.split_last().unwrap();
    assert!(before.len() >= 89 && before.iter().all(|item| item == "public.local 1"), "{told:?}");
    assert!(last.starts_with("public.hangs 10"), "{last}");
}

/// A window that waits gets no more transactions: under steady load it would never end.
#[tokio::test(start_paused = true)]
async fn r13_what_waits_goes_out_under_steady_load() {
    let Live { mut network, mut backend, mut feed } = live(relaxed(), "standby").await;
    let script = async {
        let mut witness = witness(&mut network).await;
        let mut running = std::collections::VecDeque::new();
        loop {
            backend.xid += 1;
            running.push_back(backend.xid);
            if running.len() > 3 {
                running.pop_front();
            }
            backend.commits(&["public.a"]).await;
            let looks = async {
                loop {
                    witness.sees(backend.xid + 1, running.make_contiguous()).await;
                }
            };
            tokio::select! { () = looks => (), () = sleep(60 * MS) => () }
        }
    };
    let consumer = async {
        for _ in 0..20 {
            let (time, item) = timed(feed.next()).await;
            assert!(time < S && item_of(&item, "public.a"), "{item:?} after {time:?}");
        }
    };
    tokio::select! { never = script => never, () = soon("items", consumer) => () };
}

fn item_of(item: &FeedItem, table: &str) -> bool {
    wakeup(item).starts_with(table)
}

/// The failsafe is for when something is wrong: it comes whatever else waits, and what waits comes later.
#[tokio::test(start_paused = true)]
async fn r13_failsafe_comes_while_an_item_waits() {
    let knobs = Knobs { failsafe: Some(10 * S), ..relaxed() };
    let Live { mut network, mut backend, mut feed } = live(knobs, "standby").await;
    backend.commits(&["public.a"]).await;
    let mut witness = witness(&mut network).await;
    let hangs = async {
        loop {
            witness.sees(XID + 1, &[XID]).await;
        }
    };
    let consumer = async { [timed(feed.next()).await, timed(feed.next()).await] };
    let told = tokio::select! { never = hangs => never, told = soon("items", consumer) => told };
    for (n, (time, item)) in told.iter().enumerate() {
        assert_eq!(wakeup(item), "failsafe");
        assert_eq!(time.as_secs_f32().round(), if n == 0 { 9.0 } else { 10.0 });
    }
    let (item, ()) = soon("both", async { tokio::join!(feed.next(), witness.sees(XID + 1, &[])) }).await;
    assert_eq!(wakeup(&item), "public.a 1");
}

/// R1: the consumer has to begin somewhere. When everything can be seen it begins once more.
#[tokio::test(start_paused = true)]
async fn r13_the_first_resync_does_not_wait_for_hours() {
    let Live { mut network, mut backend, mut feed } = Live::unread(Network::new(), eager()).await;
    backend.commits(&["public.a"]).await;
    settle().await;
    let mut witness = witness(&mut network).await;
    let hangs = async {
        loop {
            witness.sees(XID + 1, &[XID]).await;
        }
    };
    let (time, item) = tokio::select! { never = hangs => never, told = timed(feed.next()) => told };
    assert_eq!(wakeup(&item), "connected");
    assert!(time < 2 * S, "{time:?}");
    let (item, ()) = soon("both", async { tokio::join!(feed.next(), witness.sees(XID + 1, &[])) }).await;
    assert_eq!(wakeup(&item), "undecodable");
}

/// A commit that hangs on its standby since before the slot is not decoded. Its id may be newer than all that
/// have ended, and then no snapshot lists it.
#[tokio::test(start_paused = true)]
async fn r13_what_hung_before_the_stream_is_reloaded_once_it_is_seen() {
    let mut network = Network::new();
    let server = Server { standbys: "standby", ..Server::default() };
    let (connecting, mut backend) = with_a_slot(&mut network, server, relaxed()).await;
    let hangs = View { xmax: XID, next: XID + 1, ..View::default() };
    while backend.asks_what_runs().await {
        backend.shows_what_runs(&hangs).await;
    }
    backend.start_streaming().await.unwrap();
    let mut feed = connecting.live().await;
    assert_eq!(wakeup(&feed.next().await), "connected");
    let mut witness = witness(&mut network).await;
    let script = async {
        for _ in 0..10 {
            witness.shows(&hangs, &[]).await;
        }
        witness.sees(XID + 1, &[]).await;
    };
    let (item, ()) = soon("both", async { tokio::join!(feed.next(), script) }).await;
    assert_eq!(wakeup(&item), "undecodable");
}

/// Something else may poll the feed than the runtime that it was made on.
#[test]
fn next_works_outside_of_the_runtime() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let Live { mut network, mut backend, mut feed } = runtime.block_on(live(eager(), ""));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let mut next = std::pin::pin!(feed.next());
    assert!(next.as_mut().poll(&mut cx).is_pending());
    runtime.block_on(async {
        backend.commits(&["public.a"]).await;
        settle().await;
    });
    assert!(next.as_mut().poll(&mut cx).is_pending(), "the question is asked");
    runtime.block_on(async {
        let mut witness = witness(&mut network).await;
        let asked = witness.is_asked();
        tokio::select! { sql = asked => drop(sql), () = settle() => () }
    });
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
    let mut live = live(relaxed(), "").await;
    let _unasked = witness(&mut live.network).await;
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
