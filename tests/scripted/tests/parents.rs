//! Parents that the program names: a change of a table nudges whoever watches its parent, as with
//! partitions, and without a word to the server.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use nudge_engine::policy::ParentOf;
use nudge_engine::runtime::Hub;
use nudge_engine::{Knobs, Payload, Plugin, PluginChoice, TableFilter, TableName};
use pgnudge_scripted::{
    Backend, Live, MS, Network, Reception, S, Server, knobs, soon, timed, wakeup, witness,
};
use tokio::time::sleep;

/// Chunks (`chunk1`, `chunk2` …) belong to `hyper`, and that to `all`. Where they live does not matter.
fn parent_of(table: &TableName) -> Option<TableName> {
    let parent = match table.table() {
        name if name.starts_with("chunk") => "hyper",
        "hyper" => "all",
        _ => return None,
    };
    Some(TableName::new("public", parent))
}

/// Nothing is asked of the server.
fn parented() -> Knobs {
    Knobs { parent_of: Some(ParentOf::new(parent_of)), ..knobs() }
}

fn only(pattern: &str, knobs: Knobs) -> Knobs {
    Knobs { tables: TableFilter::from_iter([pattern.parse().unwrap()]), ..knobs }
}

fn with(plugin: Plugin, knobs: Knobs) -> Knobs {
    Knobs { plugin: PluginChoice::Only(plugin), ..knobs }
}

/// A live feed with partitions under their roots.
async fn rooted(server: Server, knobs: Knobs) -> Live {
    let mut live = Live::of(server, Knobs { partition_root: true, ..knobs }).await;
    assert_eq!(live.next().await, "connected");
    sleep(S).await;
    live
}

/// The same transaction as each plugin prints it: a row of each table, with the key 7 for those that tell it.
async fn commits(backend: &mut Backend, plugin: Plugin, tables: &[&str]) {
    if plugin == Plugin::TestDecoding {
        return backend.commits(tables).await;
    }
    backend.says(br#"{"action":"B","xid":748}"#).await;
    for table in tables {
        let (schema, table) = table.split_once('.').unwrap();
        let row = format!(r#"{{"action":"I","xid":748,"schema":"{schema}","table":"{table}","#)
            + r#""columns":[{"name":"id","value":7}],"pk":[{"name":"id"}]}"#;
        backend.says(row.as_bytes()).await;
    }
    backend.says(br#"{"action":"C","xid":748}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_is_one_of_every_parent_that_is_named() {
    for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
        let mut live = Live::new(with(plugin, parented())).await;
        // Asking would fail, and the item become a Resync a second later.
        live.network.receives_with(Reception::Refusal);
        commits(&mut live.backend, plugin, &["public.chunk1", "internal.chunk2", "public.plain"]).await;
        let told =
            "public.chunk1 1, public.hyper 2, public.all 2, internal.chunk2 1, public.plain 1".to_owned();
        assert_eq!(timed(live.next()).await, (50 * MS, told));
    }
}

#[tokio::test(start_paused = true)]
async fn who_filters_on_a_named_parent_gets_its_events_only() {
    for plugin in [Plugin::TestDecoding, Plugin::Wal2Json] {
        for (pattern, told) in [("public.hyper", "public.hyper 2"), ("*.all", "public.all 2")] {
            let mut live = Live::new(only(pattern, with(plugin, parented()))).await;
            commits(&mut live.backend, plugin, &["public.plain"]).await;
            live.is_quiet().await;
            commits(&mut live.backend, plugin, &["public.chunk1", "public.plain", "public.chunk2"]).await;
            assert_eq!(live.next().await, told, "{plugin:?}");
        }
    }
}

/// wal2json warns of rows without a key instead of printing them; it names the chunk too.
#[tokio::test(start_paused = true)]
async fn r8_a_chunk_without_a_key_nudges_its_parent() {
    let mut live = Live::new(only("public.hyper", with(Plugin::Wal2Json, parented()))).await;
    live.backend.warns(r#"no tuple identifier for UPDATE in table "internal"."chunk1""#).await;
    assert_eq!(live.next().await, "public.hyper 1");
}

/// Until its item goes out a chunk is a table that may not matter.
#[tokio::test(start_paused = true)]
async fn r4_chunks_open_a_window_and_do_not_keep_it_open() {
    let mut live = Live::new(only("public.hyper", parented())).await;
    live.backend.commits(&["public.chunk1"]).await;
    sleep(40 * MS).await;
    live.backend.commits(&["public.chunk2"]).await;
    assert_eq!(timed(live.next()).await, (10 * MS, "public.hyper 2".to_owned()));
}

/// The server knows nothing of parents: it would keep the chunks' changes to itself.
#[tokio::test(start_paused = true)]
async fn the_server_does_not_filter_when_parents_are_named() {
    for (named, plugin, sent) in [(true, "test_decoding", false), (false, "wal2json", true)] {
        let feed = only("public.hyper", Knobs { plugin: PluginChoice::Auto, ..parented() });
        let feed = if named { feed } else { Knobs { parent_of: None, ..feed } };
        for (choice, expected) in
            [(PluginChoice::Auto, plugin), (PluginChoice::Only(Plugin::Wal2Json), "wal2json")]
        {
            let mut network = Network::new();
            let _connecting = network.connect(Knobs { plugin: choice, ..feed.clone() });
            let mut backend = network.accept().await;
            backend.lets_in().await;
            backend.prepares().await;
            assert_eq!(backend.makes_slot().await.1, expected);
            let command = backend.starts().await;
            assert_eq!(command.contains("add-tables"), sent, "{command}");
        }
    }
}

/// What the server knows above a partition has parents as well. The parents are not asked about.
#[tokio::test(start_paused = true)]
async fn roots_of_partitions_have_parents_too() {
    let partitioned = Server { partitioned: true, ..Server::default() };
    let Live { mut network, mut backend, mut feed } = rooted(partitioned, parented()).await;
    backend.commits(&["public.leaf", "public.chunk1"]).await;
    let script = async {
        let leaf = ["public", "leaf", "public", "hyper"];
        let question = witness(&mut network).await.knows(true, &[leaf]).await;
        assert!(question.contains("'{\"chunk1\",\"leaf\"}'"), "{question}");
    };
    let (item, ()) = tokio::join!(feed.next(), script);
    assert_eq!(wakeup(&item), "public.leaf 1, public.hyper 2, public.all 2, public.chunk1 1");
}

/// No partition, says the server; that does not make it a table that nobody watches.
#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_known_to_be_no_partition_still_has_its_parent() {
    let Live { mut network, mut backend, mut feed } =
        rooted(Server::default(), only("public.hyper", parented())).await;
    let _unasked = witness(&mut network).await;
    for _ in 0..3 {
        backend.commits(&["public.chunk1"]).await;
        assert_eq!(wakeup(&soon("the parent", feed.next()).await), "public.hyper 1");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_keep_their_keys_in_the_parents_that_are_named() {
    let pk = Knobs { payload: Payload::PrimaryKey, ..with(Plugin::Wal2Json, parented()) };
    let mut live = Live::new(only("public.hyper", pk)).await;
    commits(&mut live.backend, Plugin::Wal2Json, &["public.chunk1", "public.chunk1", "public.plain"]).await;
    assert_eq!(live.next().await, "public.hyper:7 2");
}

#[tokio::test(start_paused = true)]
async fn subscribers_of_a_hub_may_watch_the_parent() {
    let Live { feed, mut backend, network: _network } = Live::new(parented()).await;
    let hub = Hub::new(feed);
    let mut subscription = hub.subscribe(&only("public.hyper", knobs())).unwrap();
    assert_eq!(wakeup(&subscription.next().await.unwrap()), "connected");
    backend.commits(&["public.chunk1", "public.plain"]).await;
    assert_eq!(wakeup(&soon("the parent", subscription.next()).await.unwrap()), "public.hyper 1");
}

/// The program's own panic is the program's own; what it would have been told is not lost.
#[tokio::test(start_paused = true)]
async fn r7_a_panic_of_the_callback_comes_out_of_next_and_then_a_resync() {
    let fragile = |table: &TableName| {
        assert_ne!(table.table(), "odd", "no such table");
        parent_of(table)
    };
    let mut live =
        Live::new(Knobs { parent_of: Some(ParentOf::new(fragile)), ..only("*.hyper", knobs()) }).await;
    live.backend.commits(&["public.odd", "public.chunk1"]).await;
    let panic = AssertUnwindSafe(soon("the panic", live.feed.next())).catch_unwind().await.unwrap_err();
    assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("no such table")));
    assert_eq!(live.next().await, "undecodable");
    live.is_quiet().await;
    live.backend.commits(&["public.chunk1"]).await;
    assert_eq!(live.next().await, "public.hyper 1");
}
