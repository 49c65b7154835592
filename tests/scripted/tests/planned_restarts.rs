//! A stream that does not bring all that it should: it goes on until the next one is live, and all that is no
//! failure.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use nudge_engine::runtime::{Feed, Status};
use nudge_engine::{Knobs, Plugin, PluginChoice, TableFilter};
use pgnudge_scripted::{
    Backend, Live, Network, Reception, S, Server, Stage, failure, relaxed, soon, timed, wakeup, with_a_slot,
    witness,
};
use pgnudge_testkit::frames::Report;
use tokio::time::{sleep, timeout};

/// Why another stream is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The first partitioned table was made, and the server filters.
    Filter,
    /// A row changed of a table without replica identity, and there are no markers.
    Markers,
}

const ALL: [Why; 2] = [Why::Filter, Why::Markers];

const KEYLESS: &str = r#"no tuple identifier for UPDATE in table "public"."orders""#;

impl Why {
    fn knobs(self) -> Knobs {
        let tables = TableFilter::from_iter(["public.orders".parse().unwrap()]);
        let (filter, plugin) = (self == Self::Filter, PluginChoice::Only(Plugin::Wal2Json));
        Knobs { tables, plugin, partition_root: filter, transaction_markers: filter, ..relaxed() }
    }

    /// A transaction that inserts an order, with markers or without.
    async fn inserts(self, backend: &mut Backend) {
        let row = br#"{"action":"I","xid":748,"schema":"public","table":"orders","columns":[]}"#;
        let marked: [&[u8]; 3] = [br#"{"action":"B","xid":748}"#, row, br#"{"action":"C","xid":748}"#];
        for message in if self == Self::Filter { &marked[..] } else { &marked[1..2] } {
            backend.says(message).await;
        }
    }

    /// What happens, and what comes of it.
    async fn happens(self, feed: &mut Feed, backend: &mut Backend, witness: &mut Backend) {
        match self {
            Self::Filter => {
                backend.says(br#"{"action":"B","xid":748}"#).await;
                backend.says(br#"{"action":"C","xid":748}"#).await;
                let (item, _) = tokio::join!(feed.next(), witness.knows(true, &[]));
                assert_eq!(wakeup(&item), "undecodable", "of what the server has hidden");
            }
            Self::Markers => backend.warns(KEYLESS).await,
        }
    }
}

/// A feed that needs another stream, which nobody has accepted yet.
struct Outdated {
    network: Network,
    old: Backend,
    witness: Backend,
    feed: Feed,
    why: Why,
}

impl Outdated {
    async fn new(why: Why) -> Self {
        let mut network = Network::new();
        let (connecting, mut old) = with_a_slot(&mut network, Server::default(), why.knobs()).await;
        old.starts().await;
        let mut feed = connecting.live().await;
        assert_eq!(wakeup(&feed.next().await), "connected");
        why.inserts(&mut old).await;
        let asked = async {
            let mut witness = witness(&mut network).await;
            witness.knows(false, &[]).await;
            witness
        };
        let (item, mut witness) = tokio::join!(feed.next(), asked);
        assert_eq!(wakeup(&item), "public.orders 1");
        sleep(10 * S).await;
        why.happens(&mut feed, &mut old, &mut witness).await;
        Self { network, old, witness, feed, why }
    }

    /// The old stream goes on: a commit nudges, and the server is answered.
    async fn goes_on(&mut self) {
        self.why.inserts(&mut self.old).await;
        let asked = self.witness.knows(self.why == Why::Filter, &[]);
        let (item, _) = soon("an item", async { tokio::join!(self.feed.next(), asked) }).await;
        // The server may hide more of the transaction.
        let told = if self.why == Why::Filter { "undecodable" } else { "public.orders 1" };
        assert_eq!(wakeup(&item), told);
        // Statuses that follow activity come by themselves.
        sleep(10 * S).await;
        while timeout(S, self.old.status()).await.is_ok() {}
        self.old.send_keepalive(0x900, true).await.unwrap();
        assert!(timed(self.old.status()).await.0.is_zero(), "{:?}", self.why);
    }

    /// The next stream begins, as it is needed; the old one ends, and the feed says so.
    async fn becomes_another(self, mut next: Backend) -> Live {
        let Self { network, mut old, mut feed, why, .. } = self;
        let command = next.starts().await;
        assert!(!command.contains("include-transaction"), "{command}");
        assert_eq!(command.contains("add-tables"), why == Why::Markers, "{command}");
        assert_eq!(wakeup(&soon("a resync", feed.next()).await), "reconnected");
        soon("the goodbye", leaves(&mut old)).await;
        Live { network, backend: next, feed }
    }
}

/// Takes what the feed still says, until it is gone.
async fn leaves(backend: &mut Backend) {
    while backend.next().await.is_ok() {}
}

/// Plays the server up to the slot, which is asked for and not made.
async fn waits_for_its_slot(network: &mut Network, why: Why) -> (Backend, String, String) {
    let mut next = network.accept().await;
    next.lets_in().await;
    next.prepares_as(Server { partitioned: why == Why::Filter, ..Server::default() }).await;
    let (slot, plugin) = next.asked_for_slot().await;
    (next, slot, plugin)
}

/// Behind an open write transaction a slot waits; that must not stop what works.
#[tokio::test(start_paused = true)]
async fn r9_the_old_stream_goes_on_while_the_next_ones_slot_waits() {
    for why in ALL {
        let mut stage = Outdated::new(why).await;
        let (mut next, slot, plugin) = waits_for_its_slot(&mut stage.network, why).await;
        // Somebody is asked for whom it waits.
        drop(stage.network.accept().await);
        stage.goes_on().await;
        next.slot_created(&slot, &plugin, 0x800).await.unwrap();
        let mut live = stage.becomes_another(next).await;
        live.backend.send_keepalive(0x900, true).await.unwrap();
        live.backend.status().await;
    }
}

/// Nor must anything else that keeps the next one from coming, for however long.
#[tokio::test(start_paused = true)]
async fn the_old_stream_goes_on_whatever_keeps_the_next_one_from_coming() {
    for why in ALL {
        let mut stage = Outdated::new(why).await;
        let refusals = [
            (Stage::Startup, "53300"),
            (Stage::Startup, "28P01"),
            (Stage::Settings, "57P01"),
            (Stage::Slot, "0A000"),
            (Stage::Slot, "53400"),
            (Stage::Start, "XX000"),
        ];
        for (at, code) in refusals.into_iter().cycle().take(20) {
            let mut refused = stage.network.accept().await;
            refused.goes_to(at).await;
            refused.answer_error(&Report::new("ERROR", code, "not now")).await.unwrap();
            leaves(&mut refused).await;
        }
        stage.network.receives_with(Reception::Refusal);
        stage.goes_on().await;
        stage.network.receives_with(Reception::Connection);
        let (mut next, slot, plugin) = waits_for_its_slot(&mut stage.network, why).await;
        next.slot_created(&slot, &plugin, 0x800).await.unwrap();
        stage.becomes_another(next).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_planned_restart_is_no_failure() {
    for why in ALL {
        let mut stage = Outdated::new(why).await;
        let mut status = stage.feed.status();
        let streams = |status: &Status| matches!(status, Status::Streaming { .. });
        assert!(streams(&status.borrow_and_update()));
        let (time, (mut next, slot, plugin)) = timed(waits_for_its_slot(&mut stage.network, why)).await;
        assert!(time.is_zero(), "no pause: {time:?}");
        sleep(S / 4).await;
        assert!(!status.has_changed().unwrap(), "the old one streams: {:?}", status.borrow());
        next.slot_created(&slot, &plugin, 0x800).await.unwrap();
        let live = stage.becomes_another(next).await;
        let Status::Streaming { slot: streaming, .. } = status.borrow_and_update().clone() else {
            panic!("{status:?}")
        };
        assert_eq!(streaming.as_str(), slot);
        // The first failure is the first one.
        drop(live.backend);
        assert_eq!(failure(&mut status).await.attempt, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn one_restart_is_under_way_at_a_time() {
    let why = Why::Markers;
    let mut stage = Outdated::new(why).await;
    let (mut next, slot, plugin) = waits_for_its_slot(&mut stage.network, why).await;
    for _ in 0..10 {
        why.happens(&mut stage.feed, &mut stage.old, &mut stage.witness).await;
    }
    let another = timeout(S / 4, stage.network.accept()).await;
    assert!(another.is_err(), "another connection");
    next.slot_created(&slot, &plugin, 0x800).await.unwrap();
    let mut live = stage.becomes_another(next).await;
    let _unasked = witness(&mut live.network).await;
    assert!(timeout(S, live.network.accept()).await.is_err());
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn when_the_old_stream_is_lost_meanwhile_that_is_a_reconnect() {
    for why in ALL {
        let mut stage = Outdated::new(why).await;
        let mut status = stage.feed.status();
        let (mut next, ..) = waits_for_its_slot(&mut stage.network, why).await;
        drop(stage.old);
        let cancelled = stage.network.accept().await.next_opening().await.unwrap();
        assert_eq!(cancelled, Backend::CANCEL_REQUEST, "a slot that is given up is withdrawn");
        assert_eq!(failure(&mut status).await.attempt, 1);
        leaves(&mut next).await;
        let (mut next, slot, plugin) = waits_for_its_slot(&mut stage.network, why).await;
        assert!(matches!(&*status.borrow(), Status::WaitingForSlot { .. }));
        next.slot_created(&slot, &plugin, 0x800).await.unwrap();
        let command = next.starts().await;
        assert!(!command.contains("include-transaction"), "{command}");
        assert_eq!(wakeup(&soon("a resync", stage.feed.next()).await), "reconnected");
    }
}

/// What the old one does not bring would be missed for good.
#[tokio::test(start_paused = true)]
async fn where_there_is_never_room_for_two_the_old_stream_makes_room() {
    for (at, code) in [(Stage::Startup, "53300"), (Stage::Slot, "53400")] {
        for why in ALL {
            let mut stage = Outdated::new(why).await;
            let mut status = stage.feed.status();
            status.mark_unchanged();
            for _ in 0..8 {
                assert!(!status.has_changed().unwrap());
                let mut refused = stage.network.accept().await;
                refused.goes_to(at).await;
                refused.answer_error(&Report::new("ERROR", code, "all in use")).await.unwrap();
                leaves(&mut refused).await;
            }
            let (time, ()) = timed(leaves(&mut stage.old)).await;
            assert!(time.is_zero(), "{why:?}");
            let (time, (mut next, slot, plugin)) = timed(waits_for_its_slot(&mut stage.network, why)).await;
            assert!(time.is_zero(), "and it is no failure: {time:?}");
            next.slot_created(&slot, &plugin, 0x800).await.unwrap();
            next.starts().await;
            assert_eq!(wakeup(&soon("a resync", stage.feed.next()).await), "reconnected");
        }
    }
}

/// R11: dropping the feed ends both.
#[tokio::test(start_paused = true)]
async fn r11_dropping_closes_both_streams() {
    for why in ALL {
        let mut stage = Outdated::new(why).await;
        let (mut next, ..) = waits_for_its_slot(&mut stage.network, why).await;
        drop(stage.feed);
        let gone = async { tokio::join!(leaves(&mut stage.old), leaves(&mut next)) };
        assert!(timed(gone).await.0.is_zero(), "{why:?}");
        let cancelled = stage.network.accept().await.next_opening().await.unwrap();
        assert_eq!(cancelled, Backend::CANCEL_REQUEST);
    }
}
