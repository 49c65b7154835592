//! Partitions under their root: a change in a partition nudges whoever watches a table above it. The
//! second session, played here too, tells what lies above.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use nudge_engine::policy::Visibility;
use nudge_engine::{Knobs, Plugin, PluginChoice, TableFilter};
use pgnudge_scripted::{
    Backend, Live, MS, Network, Reception, S, Server, View, knobs, settle, soon, timed, wakeup, witness,
};
use pgnudge_testkit::frames;
use tokio::time::{sleep, timeout};

const PARTITIONED: Server =
    Server { wal_sender_timeout: "30000", standbys: "", partitioned: true, standby: false };

/// `leaf` is a partition of `root`.
const LEAF: [&str; 4] = ["public", "leaf", "public", "root"];

/// And so is `other`.
const OTHER_LEAF: [&str; 4] = ["public", "other", "public", "root"];

/// As by default, with a filter on the root alone.
fn rooted() -> Knobs {
    Knobs { partition_root: true, ..knobs() }
}

fn root_only(plugin: Plugin) -> Knobs {
    let tables = TableFilter::from_iter(["public.root".parse().unwrap()]);
    Knobs { tables, plugin: PluginChoice::Only(plugin), ..rooted() }
}

/// A live feed that has been quiet for a second.
async fn live(server: Server, knobs: Knobs) -> Live {
    let mut live = Live::of(server, knobs).await;
    assert_eq!(live.next().await, "connected");
    sleep(S).await;
    live
}

/// DDL is not decoded: all that arrives of it is an empty transaction.
async fn ddl(backend: &mut Backend) {
    backend.begins().await;
    backend.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_in_a_partition_is_one_in_the_table_above() {
    let Live { mut network, mut backend, mut feed } = live(PARTITIONED, rooted()).await;
    backend.commits(&["public.leaf", "public.plain", "public.leaf"]).await;
    let script = async {
        let question = witness(&mut network).await.knows(true, &[LEAF]).await;
        assert!(question.contains("'{\"leaf\",\"plain\"}'"), "{question}");
    };
    let ((time, item), ()) = tokio::join!(timed(feed.next()), script);
    assert_eq!((time, wakeup(&item).as_str()), (50 * MS, "public.leaf 2, public.root 2, public.plain 1"));
}

#[tokio::test(start_paused = true)]
async fn who_filters_on_the_table_above_gets_that() {
    let Live { mut network, mut backend, mut feed } =
        live(PARTITIONED, root_only(Plugin::TestDecoding)).await;
    backend.commits(&["public.leaf", "public.plain"]).await;
    let script = async { witness(&mut network).await.knows(true, &[LEAF]).await };
    let (item, _) = tokio::join!(feed.next(), script);
    assert_eq!(wakeup(&item), "public.root 1");
}

/// A partitioned table with two partitions is truncated, then one of the partitions alone, then a row comes;
/// each message is read by itself. `statements` are what the plugin prints of each.
async fn truncates(plugin: Plugin, statements: &[&[&str]]) -> String {
    let Live { mut network, mut backend, mut feed } =
        live(PARTITIONED, Knobs { plugin: PluginChoice::Only(plugin), ..rooted() }).await;
    for (at, statement) in (0x200..).step_by(8).zip(statements) {
        for message in *statement {
            backend.send_xlog_data(at, at, message.as_bytes()).await.unwrap();
            settle().await;
        }
    }
    let script = async { witness(&mut network).await.knows(true, &[LEAF, OTHER_LEAF]).await };
    let (item, _) = tokio::join!(feed.next(), script);
    wakeup(&item)
}

#[tokio::test(start_paused = true)]
async fn r3_a_truncate_of_partitions_counts_once_for_the_table_above() {
    let expected = "public.root 3, public.leaf 3, public.other 1";
    let lines: [&[&str]; 5] = [
        &["BEGIN 748"],
        &["table public.root, public.leaf, public.other: TRUNCATE: (no-flags)"],
        &["table public.leaf: TRUNCATE: (no-flags)"],
        &["table public.leaf: INSERT: id[integer]:1"],
        &["COMMIT 748"],
    ];
    assert_eq!(truncates(Plugin::TestDecoding, &lines).await, expected);
    let objects: [&[&str]; 5] = [
        &[r#"{"action":"B","xid":748}"#],
        &[
            r#"{"action":"T","xid":748,"schema":"public","table":"root"}"#,
            r#"{"action":"T","xid":748,"schema":"public","table":"leaf"}"#,
            r#"{"action":"T","xid":748,"schema":"public","table":"other"}"#,
        ],
        &[r#"{"action":"T","xid":748,"schema":"public","table":"leaf"}"#],
        &[r#"{"action":"I","xid":748,"schema":"public","table":"leaf","columns":[]}"#],
        &[r#"{"action":"C","xid":748}"#],
    ];
    assert_eq!(truncates(Plugin::Wal2Json, &objects).await, expected);
}

#[tokio::test(start_paused = true)]
async fn an_item_of_foreign_tables_only_is_none() {
    let Live { mut network, mut backend, mut feed } =
        live(PARTITIONED, root_only(Plugin::TestDecoding)).await;
    let mut session = witness_after(&mut network, &mut feed, &mut backend, &["public.plain"]).await;
    backend.commits(&["public.leaf"]).await;
    let (item, _) = tokio::join!(feed.next(), session.knows(true, &[LEAF]));
    assert_eq!(wakeup(&item), "public.root 1");
}

/// Commits a change that comes to nothing; returns the second session.
async fn witness_after(
    network: &mut Network,
    feed: &mut nudge_engine::runtime::Feed,
    backend: &mut Backend,
    tables: &[&str],
) -> Backend {
    backend.commits(tables).await;
    let script = async {
        let mut witness = witness(network).await;
        witness.knows(true, &[]).await;
        witness
    };
    tokio::select! {
        biased;
        witness = script => witness,
        item = feed.next() => unreachable!("{item:?}"),
    }
}

/// While nothing lies above anything, names are not asked for.
#[tokio::test(start_paused = true)]
async fn names_are_asked_for_while_tables_lie_above_others() {
    let knobs = Knobs { visibility: Visibility::Always, ..rooted() };
    let Live { mut network, mut backend, mut feed } = live(Server::default(), knobs).await;
    let mut witness = witness(&mut network).await;
    for (ddl_before, linked, named) in [
        (false, false, false),
        (true, false, true),
        (false, false, false),
        (false, true, false),
        (false, true, true),
        (false, false, true),
    ] {
        if ddl_before {
            ddl(&mut backend).await;
        }
        backend.commits(&["public.leaf"]).await;
        let script = async {
            let question = witness.knows(linked, &[]).await;
            assert_eq!(question.contains("lineage"), named, "{question}");
            if linked && !named {
                let question = witness.knows(linked, &[]).await;
                assert!(question.contains("lineage"), "{question}");
            }
        };
        let ((time, item), ()) = tokio::join!(timed(feed.next()), script);
        assert_eq!((time, wakeup(&item).as_str()), (50 * MS, "public.leaf 1"));
    }
}

/// What lies above is not known then, and may be anything.
#[tokio::test(start_paused = true)]
async fn r7_when_nobody_answers_it_is_a_resync() {
    let mut live = live(PARTITIONED, rooted()).await;
    live.network.receives_with(Reception::Refusal);
    live.backend.commits(&["public.leaf"]).await;
    // A second after the question, which comes a quarter of the window before its end.
    assert_eq!(timed(live.next()).await, (1038 * MS, "undecodable".to_owned()));
}

/// A server that filters by name would keep the rows of partitions to itself.
#[tokio::test(start_paused = true)]
async fn the_server_filters_only_while_there_are_no_partitions() {
    for partitioned in [false, true] {
        let mut network = Network::new();
        let _connecting = network.connect(root_only(Plugin::Wal2Json));
        let mut backend = network.accept().await;
        backend.lets_in().await;
        backend.prepares_as(Server { partitioned, ..Server::default() }).await;
        backend.makes_slot().await;
        let command = backend.starts().await;
        assert_eq!(command.contains("add-tables"), !partitioned, "{command}");
    }
}

/// wal2json's form of DDL.
async fn filtered_ddl(backend: &mut Backend) {
    backend.says(br#"{"action":"B","xid":748}"#).await;
    backend.says(br#"{"action":"C","xid":748}"#).await;
}

/// Accepts a stream that is made anew because there are partitions now.
async fn unfiltered(network: &mut Network) -> Backend {
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares_as(PARTITIONED).await;
    backend.makes_slot().await;
    let command = backend.starts().await;
    assert!(!command.contains("add-tables"), "{command}");
    backend
}

#[tokio::test(start_paused = true)]
async fn when_partitions_come_the_stream_is_made_without_the_filter() {
    let Live { mut network, mut backend, mut feed } =
        live(Server::default(), root_only(Plugin::Wal2Json)).await;
    filtered_ddl(&mut backend).await;
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.knows(true, &[]).await;
        unfiltered(&mut network).await
    };
    let items = async { [wakeup(&feed.next().await), wakeup(&feed.next().await)] };
    let (told, _backend) = tokio::join!(items, script);
    // What the server has hidden until now, and what it hides until the next stream begins.
    assert_eq!(told, ["undecodable", "reconnected"]);
}

/// Otherwise rows of new partitions would stay on the server, and nobody would ever know.
#[tokio::test(start_paused = true)]
async fn r7_a_look_that_nobody_answered_is_repeated() {
    let Live { mut network, mut backend, mut feed } =
        live(Server::default(), root_only(Plugin::Wal2Json)).await;
    network.receives_with(Reception::Refusal);
    drop(network.accept().await);
    filtered_ddl(&mut backend).await;
    let nothing = timeout(10 * S, feed.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    network.receives_with(Reception::Connection);
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.knows(true, &[]).await;
        unfiltered(&mut network).await
    };
    let items = async { [wakeup(&feed.next().await), wakeup(&feed.next().await)] };
    let (told, _backend) = tokio::join!(items, script);
    // What the server has hidden until now, and what it hides until the next stream begins.
    assert_eq!(told, ["undecodable", "reconnected"]);
}

/// The answer came when the stream had already ended: the next one is as it should be.
#[tokio::test(start_paused = true)]
async fn a_stream_is_not_made_anew_twice() {
    let Live { mut network, mut backend, mut feed } =
        live(Server::default(), root_only(Plugin::Wal2Json)).await;
    filtered_ddl(&mut backend).await;
    let script = async {
        let mut witness = witness(&mut network).await;
        let question = witness.is_asked().await;
        drop(backend);
        settle().await;
        witness.answers(&question, &View { linked: true, ..View::default() }, &[]).await;
        unfiltered(&mut network).await
    };
    let items = async { [wakeup(&feed.next().await), wakeup(&feed.next().await)] };
    let (told, mut backend) = tokio::join!(items, script);
    assert_eq!(told, ["undecodable", "reconnected"]);
    settle().await;
    backend.send_keepalive(0x100, true).await.unwrap();
    backend.status().await;
}

/// Between the change and the question its partition may have got another name, or another table its name: in
/// the same transaction, or in a later one that the stream has not told yet.
#[tokio::test(start_paused = true)]
async fn r7_a_name_that_may_have_meant_another_table_is_a_resync() {
    let written = |xid| vec![("leaf", xid)];
    for (what, missing, written, told) in [
        ("as it was", vec![], vec![], "public.leaf 1, public.root 1"),
        ("renamed, moved or dropped", vec!["leaf"], vec![], "undecodable"),
        ("renamed, swapped or detached by the same transaction", vec![], written("748"), "undecodable"),
        ("by a later one", vec![], written("749"), "undecodable"),
        ("by one that ran when the stream began", vec![], written("690"), "undecodable"),
        ("long before", vec![], written("689"), "public.leaf 1, public.root 1"),
        ("its root was", vec![], vec![("root", "749")], "undecodable"),
    ] {
        let knobs = Knobs { visibility: Visibility::Always, ..rooted() };
        let mut network = Network::new();
        let connecting = network.connect(knobs);
        let mut backend = network.accept().await;
        backend.lets_in().await;
        let before = View { xmax: 700, running: vec![690], linked: true, inserted: "0/1", ..View::default() };
        backend.prepares_to_show(&before).await;
        backend.makes_slot().await;
        backend.starts().await;
        let mut feed = connecting.live().await;
        assert_eq!(wakeup(&feed.next().await), "connected");
        let mut witness = witness(&mut network).await;
        backend.commits(&["public.leaf"]).await;
        let view = View { linked: true, missing, written, ..View::default() };
        let (item, _) = tokio::join!(feed.next(), witness.shows(&view, &[LEAF]));
        assert_eq!(wakeup(&item), told, "{what}");
    }
}

/// A partition that was made just before its first row is not one that may have meant another table.
#[tokio::test(start_paused = true)]
async fn ddl_that_the_stream_has_told_had_ended_before() {
    let knobs = Knobs { visibility: Visibility::Always, ..rooted() };
    let Live { mut network, mut backend, mut feed } = live(PARTITIONED, knobs).await;
    let mut witness = witness(&mut network).await;
    for (first, made_by, told) in
        [(1750, "1750", "public.leaf 1, public.root 1"), (1760, "1762", "undecodable")]
    {
        for (xid, tables) in [(first, &[][..]), (first + 1, &["public.leaf"]), (first + 2, &[])] {
            backend.xid = xid;
            backend.commits(tables).await;
        }
        let written = vec![("leaf", made_by)];
        let view = View { xmax: 2000, linked: true, written, inserted: "1/0", ..View::default() };
        let (item, _) = tokio::join!(feed.next(), witness.shows(&view, &[LEAF]));
        assert_eq!(wakeup(&item), told, "{made_by}");
    }
}

/// The only partition is detached by the transaction that changes it: afterwards nothing lies above anything.
#[tokio::test(start_paused = true)]
async fn r7_the_last_link_may_be_gone_when_the_server_is_asked() {
    let knobs = Knobs { visibility: Visibility::Always, ..root_only(Plugin::TestDecoding) };
    let Live { mut network, mut backend, mut feed } = live(PARTITIONED, knobs).await;
    let mut witness = witness(&mut network).await;
    backend.commits(&["public.leaf"]).await;
    let view = View { linked: false, written: vec![("leaf", "748")], ..View::default() };
    let (item, _) = tokio::join!(feed.next(), witness.shows(&view, &[]));
    assert_eq!(wakeup(&item), "undecodable");
}

/// Changes that the filter turns away, in a database where no table lies above another. Then one does: by
/// DDL beside rows, which does not show.
#[tokio::test(start_paused = true)]
async fn r7_what_was_dropped_before_the_first_partition_was_known_is_a_resync() {
    let Live { mut network, mut backend, mut feed } =
        live(Server::default(), root_only(Plugin::TestDecoding)).await;
    let mut witness = witness(&mut network).await;
    backend.commits(&["public.other"]).await;
    let looked = async {
        let (time, _) = timed(witness.knows(false, &[])).await;
        assert_eq!(time, S, "one look for all that is dropped within a second");
        settle().await;
        backend.commits(&["public.leaf"]).await;
        backend.commits(&["public.leaf"]).await;
        witness.knows(true, &[]).await;
    };
    let (item, ()) = soon("both", async { tokio::join!(feed.next(), looked) }).await;
    assert_eq!(wakeup(&item), "undecodable");
}

/// An answer counts for the transactions that it sees: a change that was dropped and waits for its standby is
/// asked about until it is seen.
#[tokio::test(start_paused = true)]
async fn r7_an_answer_is_none_about_what_it_does_not_see() {
    let Live { mut network, mut backend, mut feed } =
        live(Server::default(), root_only(Plugin::TestDecoding)).await;
    let mut witness = witness(&mut network).await;
    backend.commits(&["public.leaf"]).await;
    let looks = async {
        for _ in 0..3 {
            witness.shows(&View { xmax: 748, ..View::default() }, &[]).await;
        }
        witness.knows(true, &[]).await;
    };
    let (item, ()) = soon("both", async { tokio::join!(feed.next(), looks) }).await;
    assert_eq!(wakeup(&item), "undecodable");
}

/// What is believed of the catalog is the stream's: a table may have become a partition while the feed was away,
/// and change in the very read that begins the next stream.
#[tokio::test(start_paused = true)]
async fn r13_the_first_read_of_a_stream_is_not_judged_by_the_one_before() {
    let knobs = Knobs { visibility: Visibility::Always, ..root_only(Plugin::TestDecoding) };
    let Live { mut network, backend, mut feed } = live(Server::default(), knobs).await;
    drop((witness(&mut network).await, backend));
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares_as(PARTITIONED).await;
    backend.makes_slot().await;
    while backend.asks_what_runs().await {
        backend.runs(&[]).await;
    }
    let first_read = [frames::copy_both_response(), backend.transaction(&["public.leaf"])].concat();
    backend.sends(&first_read).await;
    settle().await;
    let script = async {
        let mut witness = witness(&mut network).await;
        for running in [&[748][..], &[748], &[]] {
            let view = View { linked: true, running: running.to_vec(), ..View::default() };
            witness.shows(&view, &[LEAF]).await;
        }
    };
    let items = async {
        let mut told = vec![wakeup(&feed.next().await)];
        if told == ["reconnected"] && feed.has_pending() {
            told.push(wakeup(&feed.next().await));
        }
        told
    };
    let (told, ()) = soon("both", async { tokio::join!(items, script) }).await;
    // Either the Resync has waited for it, or it is told by itself.
    assert!(told == ["reconnected"] || told == ["reconnected", "public.root 1"], "{told:?}");
}
