//! Law 3 and R9: what has arrived is confirmed, but no commit is released by it, and no feed counts as a standby.

#![expect(clippy::expect_used, reason = "helpers of a test")]

use std::time::Duration;

use nudge_engine::Knobs;
use nudge_engine::policy::Visibility;
use nudge_engine::runtime::Status;
use pgnudge_scripted::{Backend, Live, S, Server, View, failure, knobs, relaxed, witness};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// As users have it.
fn uncounted() -> Knobs {
    Knobs { synchronous_standby: false, ..relaxed() }
}

async fn live(standbys: &'static str) -> (Live, Backend) {
    let mut live = Live::of(Server { standbys, ..Server::default() }, uncounted()).await;
    assert_eq!(live.next().await, "connected");
    let witness = witness(&mut live.network).await;
    (live, witness)
}

/// Everything up to there has arrived, and an interval goes by. What is confirmed of it.
async fn confirmed(backend: &mut Backend, lsn: u64) -> Option<u64> {
    backend.send_keepalive(lsn, false).await.expect("the feed is there");
    let (end, mut confirmed) = (Instant::now() + 12 * S, None);
    while let Ok(status) = timeout_at(end, backend.status()).await {
        if status.flush != 0 {
            // In one write with it: there is no moment at which the feed counts.
            let next = timeout(Duration::ZERO, backend.status()).await.expect("another status at once");
            assert_eq!((next.write, next.flush, next.apply), (status.write, 0, 0));
            assert_eq!(confirmed.replace(status.flush), None, "it is confirmed once");
        }
    }
    confirmed
}

/// A server on which these run, and wait for `s1` perhaps.
fn waiting(xmax: u64, running: &[u64]) -> View {
    View { xmax, running: running.to_vec(), standbys: "s1", ..View::default() }
}

#[tokio::test(start_paused = true)]
async fn law_3_a_position_counts_as_flushed_for_no_time() {
    let (mut live, mut witness) = live("").await;
    for lsn in [0x900, 0xa00] {
        let answer = witness.sees(1000, &[990]);
        assert_eq!(tokio::join!(confirmed(&mut live.backend, lsn), answer).0, Some(lsn), "nothing waits");
    }
    assert_eq!(confirmed(&mut live.backend, 0xa00).await, None, "nothing new: the server is asked nothing");
}

#[tokio::test(start_paused = true)]
async fn law_3_what_waits_for_a_standby_is_not_confirmed() {
    let (mut live, mut witness) = live("s1").await;
    let steps: [(u64, &[u64], _); 4] = [
        (1000, &[990], None),
        (1010, &[990, 1005], None),
        (1020, &[1005], Some(0x900)),
        (1030, &[], Some(0xc00)),
    ];
    for (n, (xmax, running, told)) in (0..).zip(steps) {
        let (view, lsn) = (waiting(xmax, running), 0x900 + n * 0x100);
        let answer = witness.shows(&view, &[]);
        assert_eq!(tokio::join!(confirmed(&mut live.backend, lsn), answer).0, told, "{lsn:x}");
    }
}

/// A commit that waits has an id that no snapshot lists.
#[tokio::test(start_paused = true)]
async fn law_3_what_waits_unlisted_is_not_confirmed() {
    let (mut live, mut witness) = live("s1").await;
    let view = View { next: 1001, ..waiting(1000, &[]) };
    assert_eq!(tokio::join!(confirmed(&mut live.backend, 0x900), witness.shows(&view, &[])).0, None);
    let view = View { next: 1001, ..waiting(1001, &[]) };
    assert_eq!(tokio::join!(confirmed(&mut live.backend, 0x900), witness.shows(&view, &[])).0, Some(0x900));
}

/// A server whose second sessions fail keeps no log for the feed, unless it waited for standbys.
#[tokio::test(start_paused = true)]
async fn r9_without_an_answer_what_was_known_holds_on() {
    for (standbys, told) in [("", Some(0x900)), ("s1", None)] {
        let (Live { network, mut backend, feed }, witness) = live(standbys).await;
        drop((network, witness));
        assert_eq!(confirmed(&mut backend, 0x900).await, told, "{standbys:?}");
        drop(feed);
    }
}

/// Then the server would go on keeping it, and a new stream costs it less.
#[tokio::test(start_paused = true)]
async fn law_3_a_stream_that_keeps_too_much_log_ends() {
    let (Live { network, mut backend, feed }, witness) = live("s1").await;
    drop((network, witness));
    assert_eq!(confirmed(&mut backend, 0x900).await, None);
    let mut status = feed.status();
    backend.send_keepalive(0x900 + (256 << 20), false).await.expect("the feed is there");
    let error = failure(&mut status).await.error;
    assert!(error.to_string().contains("keeps its log for this feed"), "{error}");
    drop(feed);
}

/// The setting is a reload away.
#[tokio::test(start_paused = true)]
async fn law_3_a_feed_that_comes_to_count_withdraws() {
    let (Live { mut backend, feed, network }, mut witness) = live("s1").await;
    let mut status = feed.status();
    backend.send_keepalive(0x900, false).await.expect("the feed is there");
    let star = View { standbys: "*", ..waiting(1000, &[]) };
    let error = tokio::join!(failure(&mut status), witness.shows(&star, &[])).0.error;
    assert!(error.to_string().contains("synchronous standby"), "{error}");
    assert!(matches!(&*status.borrow(), Status::BackingOff { .. }));
    drop((backend, network));
    drop(feed);
}

/// What a feed costs that asks for nothing else: no second session.
#[tokio::test(start_paused = true)]
async fn a_feed_that_asks_for_nothing_confirms_unasked() {
    let Live { network, mut backend, feed } =
        Live::new(Knobs { synchronous_standby: false, visibility: Visibility::Off, ..knobs() }).await;
    assert_eq!(confirmed(&mut backend, 0x900).await, Some(0x900));
    sleep(60 * S).await;
    drop((network, feed));
}

/// Every commit may wait for it, and shall not wait long.
#[tokio::test(start_paused = true)]
async fn a_feed_that_may_count_confirms_with_every_status() {
    let mut live = Live::new(relaxed()).await;
    live.backend.send_keepalive(0x900, true).await.expect("the feed is there");
    let status = live.backend.status().await;
    assert_eq!([status.write, status.flush, status.apply], [0x900; 3]);
}
