//! Partitions under their root: a change in a partition nudges whoever watches a table above it. The
//! second session, played here too, tells what lies above.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use nudge_engine::{Knobs, Plugin, PluginChoice, TableFilter};
use pgnudge_scripted::{
    Backend, Live, MS, Network, Reception, S, Server, knobs, settle, timed, wakeup, witness,
};
use tokio::time::{sleep, timeout};

const PARTITIONED: Server = Server { wal_sender_timeout: "30000", standbys: "", partitioned: true };

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
        assert!(question.contains("IN (('public', 'leaf'), ('public', 'plain'))"), "{question}");
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

/// Without partitioned tables a name is looked up once, and again when DDL may have run.
#[tokio::test(start_paused = true)]
async fn a_name_is_asked_for_once_until_the_catalog_changes() {
    let Live { mut network, mut backend, mut feed } = live(Server::default(), rooted()).await;
    let mut session = None;
    for (ddl_before, asked) in [(false, true), (false, false), (false, false), (true, true), (false, false)] {
        if ddl_before {
            ddl(&mut backend).await;
        }
        backend.commits(&["public.leaf"]).await;
        let script = async {
            if asked {
                let witness = match &mut session {
                    Some(witness) => witness,
                    none => none.insert(witness(&mut network).await),
                };
                witness.knows(false, &[]).await;
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
    assert_eq!(timed(live.next()).await, (1050 * MS, "undecodable".to_owned()));
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
    let (item, _backend) = tokio::join!(feed.next(), script);
    assert_eq!(wakeup(&item), "reconnected");
}

/// Otherwise rows of new partitions would stay on the server, and nobody would ever know.
#[tokio::test(start_paused = true)]
async fn r7_a_look_that_nobody_answered_is_repeated() {
    let Live { mut network, mut backend, mut feed } =
        live(Server::default(), root_only(Plugin::Wal2Json)).await;
    network.receives_with(Reception::Refusal);
    filtered_ddl(&mut backend).await;
    let nothing = timeout(10 * S, feed.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    network.receives_with(Reception::Connection);
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.knows(true, &[]).await;
        unfiltered(&mut network).await
    };
    let (item, _backend) = tokio::join!(feed.next(), script);
    assert_eq!(wakeup(&item), "reconnected");
}

/// The answer came when the stream had already ended: the next one is as it should be.
#[tokio::test(start_paused = true)]
async fn a_stream_is_not_made_anew_twice() {
    let Live { mut network, mut backend, mut feed } =
        live(Server::default(), root_only(Plugin::Wal2Json)).await;
    filtered_ddl(&mut backend).await;
    let script = async {
        let mut witness = witness(&mut network).await;
        witness.is_asked().await;
        drop(backend);
        settle().await;
        witness.answer_rows(&["?"; 4], &[&[Some("1000"), Some("0/900"), Some("t"), None]]).await.unwrap();
        unfiltered(&mut network).await
    };
    let (item, mut backend) = tokio::join!(feed.next(), script);
    assert_eq!(wakeup(&item), "reconnected");
    settle().await;
    backend.send_keepalive(0x100, true).await.unwrap();
    backend.status().await;
}
