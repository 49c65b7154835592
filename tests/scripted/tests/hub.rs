//! One feed, many subscribers: the rules hold for each of them.

#![expect(clippy::expect_used, reason = "helpers of a test")]

use std::time::Duration;

use nudge_engine::runtime::{Hub, Status, Subscription};
use nudge_engine::{ErrorKind, Knobs, TableFilter};
use pgnudge_scripted::{
    Backend, Live, MS, Network, Reception, S, START, knobs, position, soon, timed, wakeup,
};
use tokio::time::{sleep, timeout};

/// A hub over a live feed that leaves the timing to its subscribers.
async fn hub() -> (Hub, Network, Backend) {
    let feed = Knobs { debounce: Duration::ZERO, max_batch_wait: Some(S), ..knobs() };
    let Live { network, backend, feed } = Live::unread(Network::new(), feed).await;
    (Hub::new(feed), network, backend)
}

/// A subscriber that has read its first item.
async fn subscriber(hub: &Hub, knobs: &Knobs) -> Subscription {
    sleep(MS).await;
    let mut subscription = hub.subscribe(knobs).expect("good knobs");
    assert_eq!(next(&mut subscription).await, "connected");
    subscription
}

async fn next(subscription: &mut Subscription) -> String {
    wakeup(&soon("the next item", subscription.next()).await.expect("an open hub"))
}

fn only(pattern: &str) -> Knobs {
    Knobs { tables: TableFilter::from_iter([pattern.parse().expect("a pattern")]), ..knobs() }
}

#[tokio::test(start_paused = true)]
async fn r1_the_first_item_of_each_is_a_resync() {
    let (hub, _network, mut backend) = hub().await;
    for commits in 0..3 {
        sleep(S).await;
        let mut subscription = hub.subscribe(&knobs()).expect("good knobs");
        let first = subscription.next().await.expect("an open hub");
        assert_eq!((wakeup(&first).as_str(), position(&first)), ("connected", START + commits * 0x100));
        backend.commits(&["public.a"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn r4_each_has_a_filter_and_a_window_of_its_own() {
    let (hub, _network, mut backend) = hub().await;
    let mut all = subscriber(&hub, &knobs()).await;
    let mut slow = subscriber(&hub, &Knobs { debounce: 500 * MS, ..only("public.a") }).await;
    let mut other = subscriber(&hub, &only("public.other")).await;
    backend.commits(&["public.a", "public.b"]).await;
    backend.commits(&["public.a"]).await;
    let items = async { tokio::join!(timed(next(&mut all)), timed(next(&mut slow))) };
    let (all, slow) = items.await;
    assert_eq!(all, (50 * MS, "public.a 2, public.b 1".to_owned()));
    assert_eq!(slow, (500 * MS, "public.a 2".to_owned()));
    assert!(timeout(5 * S, other.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn r5_one_that_does_not_poll_harms_nobody() {
    let (hub, _network, mut backend) = hub().await;
    let mut idle = subscriber(&hub, &knobs()).await;
    let mut small = subscriber(&hub, &Knobs { max_pending: 1, ..knobs() }).await;
    let mut busy = subscriber(&hub, &knobs()).await;
    for _ in 0..1000 {
        backend.commits(&["public.a", "public.b"]).await;
        assert_eq!(next(&mut busy).await, "public.a 1, public.b 1");
    }
    assert_eq!(next(&mut idle).await, "public.a 1000, public.b 1000");
    assert_eq!(next(&mut small).await, "overflow");
}

#[tokio::test(start_paused = true)]
async fn r2_a_gap_reaches_all() {
    let (hub, mut network, backend) = hub().await;
    let mut one = subscriber(&hub, &knobs()).await;
    let mut other = subscriber(&hub, &only("public.other")).await;
    drop(backend);
    let mut backend = network.accept().await;
    backend.streams().await;
    assert_eq!([next(&mut one).await, next(&mut other).await], ["reconnected"; 2]);
}

/// One that waited for what never comes would believe that nothing changes.
#[tokio::test(start_paused = true)]
async fn the_feed_has_to_tell_of_what_a_subscriber_wants() {
    let narrow: TableFilter =
        ["public.a", "audit.*"].map(|text| text.parse().expect("a pattern")).into_iter().collect();
    let feed = Knobs { tables: narrow, ..knobs() };
    let hub = Hub::new(Live::unread(Network::new(), feed).await.feed);
    for fine in ["public.a", "audit.log", "audit.*"] {
        hub.subscribe(&only(fine)).expect(fine);
    }
    hub.subscribe(&knobs()).expect("all that the feed tells of");
    for other in ["public.b", "public.*", "*.*", "*.log"] {
        let error = hub.subscribe(&only(other)).expect_err(other);
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(other) && error.hint().is_some(), "{error:#}");
    }
}

/// Positions begin anew with a server that is behind the lost one, for newcomers too.
#[tokio::test(start_paused = true)]
async fn r2_the_position_is_the_new_streams() {
    let (hub, mut network, mut backend) = hub().await;
    for _ in 0..5 {
        backend.commits(&["public.a"]).await;
    }
    sleep(S).await;
    drop(backend);
    let mut backend = network.accept().await;
    backend.streams().await;
    sleep(S).await;
    let mut newcomer = hub.subscribe(&knobs()).expect("good knobs");
    assert_eq!(position(&newcomer.next().await.expect("an open hub")), START);
}

#[tokio::test(start_paused = true)]
async fn r11_the_last_goodbye_closes_the_socket() {
    let (hub, _network, mut backend) = hub().await;
    let subscriptions = [subscriber(&hub, &knobs()).await, subscriber(&hub, &knobs()).await];
    assert_eq!(hub.subscribers(), 2);
    drop(hub);
    for subscription in subscriptions {
        backend.is_kept().await;
        drop(subscription);
    }
    let (time, ()) = timed(backend.is_left()).await;
    assert!(time.is_zero(), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn r12_a_panic_reaches_all() {
    let (hub, network, backend) = hub().await;
    let mut consumers = Vec::new();
    for _ in 0..3 {
        let mut subscription = subscriber(&hub, &knobs()).await;
        consumers.push(tokio::spawn(async move { subscription.next().await }));
    }
    network.receives_with(Reception::Panic);
    drop(backend);
    for consumer in consumers {
        assert!(soon("the panic", consumer).await.expect_err("no item").is_panic());
    }
}

/// What comes before the first item of the feed is not known to be visible: its Resync stands for it.
#[tokio::test(start_paused = true)]
async fn r1_the_first_resync_comes_once() {
    let (hub, _network, mut backend) = hub().await;
    let mut at_once = hub.subscribe(&knobs()).expect("good knobs");
    assert_eq!(next(&mut at_once).await, "connected");
    assert!(timeout(5 * S, at_once.next()).await.is_err());
    backend.commits(&["public.a"]).await;
    assert_eq!(next(&mut at_once).await, "public.a 1");
}

/// A reader of a replica waits for the position: it is the present server's, from the first item on.
#[tokio::test(start_paused = true)]
async fn the_first_position_is_one_of_the_present_server() {
    let (hub, mut network, mut backend) = hub().await;
    let mut at_once = hub.subscribe(&knobs()).expect("good knobs");
    assert_eq!(
        position(&at_once.next().await.expect("an open hub")),
        START,
        "before the feed has had an item"
    );

    for _ in 0..8 {
        backend.commits(&["public.a"]).await;
        assert_eq!(next(&mut at_once).await, "public.a 1");
    }
    // The Resync that stands for the new stream keeps the reason of an earlier one.
    backend.says(b"garbage").await;
    drop(backend);
    let mut backend = network.accept().await;
    let mut newcomer = hub.subscribe(&knobs()).expect("good knobs");
    backend.streams().await;
    for subscription in [&mut newcomer, &mut at_once] {
        let first = soon("the resync", subscription.next()).await.expect("an open hub");
        assert_eq!(position(&first), START, "{first:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_hub_ends_its_subscriptions_when_they_have_been_told_all() {
    let (hub, _network, mut backend) = hub().await;
    let mut told = subscriber(&hub, &knobs()).await;
    let mut waiting = subscriber(&hub, &only("public.other")).await;
    let status = hub.status();
    backend.commits(&["public.a"]).await;
    sleep(MS).await;
    hub.close();
    backend.is_left().await;
    assert_eq!(timed(next(&mut told)).await, (49 * MS, "public.a 1".to_owned()));
    for subscription in [&mut told, &mut waiting] {
        let (time, item) = timed(subscription.next()).await;
        assert!(time.is_zero() && item.is_none(), "{item:?} after {time:?}");
    }
    let late = hub.subscribe(&knobs()).expect("good knobs").next().await;
    assert!(late.is_none(), "{late:?}");
    for mut status in [status, waiting.status()] {
        while soon("the end of the status", status.changed()).await.is_ok() {}
        assert!(matches!(*status.borrow(), Status::Closed), "{:?}", *status.borrow());
    }
}
