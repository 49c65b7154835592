//! Without the markers of transactions (knob `transaction_markers`): what each change tells of its
//! transaction is all that is known of it.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::time::Duration;

use nudge_engine::{Knobs, Plugin, PluginChoice, TableFilter};
use pgnudge_scripted::{
    Backend, Live, MS, Network, S, Server, View, live, position, relaxed, soon, timed, wakeup, with_a_slot,
    witness,
};
use pgnudge_testkit::frames;
use tokio::time::sleep;

/// wal2json without markers; otherwise as by default, but for partitions.
fn unmarked() -> Knobs {
    Knobs { plugin: PluginChoice::Only(Plugin::Wal2Json), transaction_markers: false, ..relaxed() }
}

/// The same, for one table.
fn orders(partition_root: bool) -> Knobs {
    let tables = ["public.orders".parse().unwrap()].into_iter().collect::<TableFilter>();
    Knobs { tables, partition_root, ..unmarked() }
}

fn inserted(xid: u64, table: &str) -> String {
    format!(r#"{{"action":"I","xid":{xid},"schema":"public","table":"{table}","columns":[]}}"#)
}

async fn inserts(backend: &mut Backend, xid: u64, table: &str) {
    backend.says(inserted(xid, table).as_bytes()).await;
}

#[tokio::test(start_paused = true)]
async fn r13_each_item_is_asked_for_and_has_the_position_of_the_answer() {
    let Live { mut network, mut backend, mut feed } = live(unmarked(), "").await;
    let mut session = None;
    for xids in [[700, 700], [700, 701], [702, 703]] {
        for xid in xids {
            inserts(&mut backend, xid, "a").await;
        }
        let script = async {
            let witness = match &mut session {
                Some(witness) => witness,
                none => none.insert(witness(&mut network).await),
            };
            for running in [&xids[..], &xids[1..], &[]] {
                witness.sees(800, running).await;
            }
        };
        let ((time, item), ()) = soon("both", async { tokio::join!(timed(feed.next()), script) }).await;
        assert_eq!(wakeup(&item), "public.a 2");
        assert_eq!((time, position(&item)), (50 * MS, 0x900), "asked three times at once");
    }
}

/// One wakeup more, none less.
#[tokio::test(start_paused = true)]
async fn r4_a_window_closes_between_the_changes_of_a_transaction() {
    let Live { mut network, mut backend, mut feed } = live(unmarked(), "").await;
    inserts(&mut backend, 700, "a").await;
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.sees(800, &[700]).await;
        let question = witness.is_asked().await;
        inserts(&mut backend, 700, "b").await;
        witness.answers(&question, &View::default(), &[]).await;
        witness
    };
    let ((time, item), mut witness) = soon("both", async { tokio::join!(timed(feed.next()), script) }).await;
    assert_eq!((time, wakeup(&item).as_str()), (50 * MS, "public.a 1"));
    let (item, ()) = tokio::join!(feed.next(), witness.sees(800, &[]));
    assert_eq!(wakeup(&item), "public.b 1");
}

/// R7 and R13: what cannot be understood tells its transaction all the same.
#[tokio::test(start_paused = true)]
async fn r13_a_resync_waits_for_the_change_that_it_stands_for() {
    let Live { mut network, mut backend, mut feed } = live(unmarked(), "").await;
    inserts(&mut backend, 700, &"x".repeat(20_000)).await;
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.sees(800, &[700]).await;
        witness.sees(800, &[]).await;
    };
    let ((time, item), ()) = soon("both", async { tokio::join!(timed(feed.next()), script) }).await;
    assert_eq!((time, wakeup(&item).as_str(), position(&item)), (Duration::ZERO, "undecodable", 0x900));
}

/// What a standby decodes can be seen; the position is still to be found out.
#[tokio::test(start_paused = true)]
async fn r13_a_standby_is_asked_too() {
    let Live { mut network, mut backend, mut feed } = Live::of_standby(unmarked()).await;
    inserts(&mut backend, 700, "a").await;
    let script = async { witness(&mut network).await.sees(800, &[]).await };
    let (item, ()) = soon("both", async { tokio::join!(feed.next(), script) }).await;
    assert_eq!((wakeup(&item).as_str(), position(&item)), ("public.a 1", 0x900));
}

const KEYLESS: &str = r#"no tuple identifier for UPDATE in table "public"."orders""#;

/// R8: a warning tells no transaction. The Resync stands for the change, and for those after it the
/// stream has markers.
#[tokio::test(start_paused = true)]
async fn r8_a_change_without_key_brings_the_markers_back() {
    let mut network = Network::new();
    let (connecting, mut backend) = with_a_slot(&mut network, Server::default(), orders(false)).await;
    let command = backend.starts().await;
    assert!(command.contains(r#""include-transaction" 'false'"#), "{command}");
    let mut feed = connecting.live().await;
    assert_eq!(wakeup(&feed.next().await), "connected");
    let _unasked = witness(&mut network).await;

    backend.warns(&KEYLESS.replace("orders", "foreign")).await;
    backend.is_kept().await;
    backend.warns(KEYLESS).await;
    for _ in 0..2 {
        let mut backend = network.accept().await;
        backend.lets_in().await;
        backend.prepares().await;
        backend.makes_slot().await;
        let command = backend.starts().await;
        assert!(!command.contains("include-transaction"), "{command}");
        assert_eq!(wakeup(&feed.next().await), "reconnected", "and nothing before it");

        backend.says(br#"{"action":"B","xid":748}"#).await;
        backend.warns(KEYLESS).await;
        backend.says(br#"{"action":"C","xid":748}"#).await;
        let mut witness = witness(&mut network).await;
        let ((time, _), ()) = tokio::join!(timed(feed.next()), witness.sees(800, &[]));
        assert_eq!(time, 50 * MS);
    }
}

/// The first partitioned table would be made unnoticed.
#[tokio::test(start_paused = true)]
async fn the_server_filters_only_where_partitions_do_not_matter() {
    for partition_root in [true, false] {
        let mut network = Network::new();
        let (_connecting, mut backend) =
            with_a_slot(&mut network, Server::default(), orders(partition_root)).await;
        let command = backend.starts().await;
        assert_eq!(command.contains("add-tables"), !partition_root, "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn whether_there_are_partitions_is_asked_for_every_item() {
    let mut live = Live::of(Server::default(), orders(true)).await;
    assert_eq!(live.next().await, "connected");
    let Live { mut network, mut backend, mut feed } = live;
    let mut witness = witness(&mut network).await;
    let above = [["public", "leaf", "public", "orders"]];
    // The first partition is made unseen, and a row of it was dropped by then.
    for (questions, told) in [
        (&[(false, "EXECUTE pgnudge_view")][..], &["public.orders 1"][..]),
        (&[(true, "EXECUTE pgnudge_view")], &["undecodable"]),
        (&[(true, r#"'{"leaf","orders"}'"#)], &["public.orders 2"]),
    ] {
        inserts(&mut backend, 700, "orders").await;
        inserts(&mut backend, 700, "leaf").await;
        let script = async {
            for (linked, expected) in questions {
                let question = witness.knows(*linked, &above).await;
                assert!(question.contains(expected), "{question}");
            }
        };
        let items = async {
            for told in told {
                assert_eq!(wakeup(&feed.next().await), *told);
            }
        };
        soon("both", async { tokio::join!(items, script) }).await;
    }
}

/// It prints them always, and is read as ever.
#[tokio::test(start_paused = true)]
async fn test_decoding_has_markers_all_the_same() {
    let plugin = PluginChoice::Auto;
    let mut network = Network::new();
    let connecting = network.connect(Knobs { plugin, ..unmarked() });
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares().await;
    let (_, first) = backend.asked_for_slot().await;
    backend.answer_error(&frames::Report::new("ERROR", "58P01", "could not access file")).await.unwrap();
    let (_, second) = backend.makes_slot().await;
    assert_eq!((first.as_str(), second.as_str()), ("wal2json", "test_decoding"));
    backend.starts().await;
    let mut live = Live { feed: connecting.live().await, backend, network };
    assert_eq!(live.next().await, "connected");
    sleep(S).await;
    let Live { feed, backend, network } = &mut live;
    let mut witness = witness(network).await;
    let script = async {
        backend.begins().await;
        backend.changes("public.a").await;
        sleep(100 * MS).await;
        backend.changes("public.a").await;
        backend.ends().await;
        witness.sees(800, &[]).await;
    };
    let ((time, item), ()) = soon("both", async { tokio::join!(timed(feed.next()), script) }).await;
    assert_eq!((time, wakeup(&item)), (150 * MS, "public.a 2".to_owned()));
}
