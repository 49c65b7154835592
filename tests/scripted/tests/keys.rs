//! The payload `pk`: rows are told by their primary keys, and by their table where that cannot be.

use std::collections::BTreeMap;

use nudge_engine::runtime::Hub;
use nudge_engine::{ErrorKind, Knobs, Payload, PluginChoice, TableFilter};
use pgnudge_scripted::{Backend, Live, Network, Server, counts, knobs, soon, wakeup, witness};
use pgnudge_testkit::frames::Report;
use proptest::prelude::*;

fn pk() -> Knobs {
    Knobs { payload: Payload::PrimaryKey, plugin: PluginChoice::Auto, ..knobs() }
}

/// A row as wal2json prints it. Its key is `id`; the old one is there when it is updated or deleted.
fn row(table: &str, old: Option<i64>, new: Option<i64>, filler: &str) -> String {
    let id = |id: i64| format!(r#"[{{"name":"id","value":{id}}}]"#);
    let action = match (old, new) {
        (None, _) => "I",
        (_, None) => "D",
        _ => "U",
    };
    let note = format!(r#"{{"name":"note","value":"{filler}"}}"#);
    let columns = new.map(|new| format!(r#","columns":[{{"name":"id","value":{new}}},{note}]"#));
    let identity = old.map(|old| format!(r#","identity":{}"#, id(old)));
    let [columns, identity] = [columns, identity].map(Option::unwrap_or_default);
    format!(
        r#"{{"action":"{action}","xid":748,"schema":"public","table":"{table}"{columns}{identity},"pk":[{{"name":"id"}}]}}"#
    )
}

fn inserted(table: &str, id: i64) -> String {
    row(table, None, Some(id), "")
}

/// One transaction of wal2json.
async fn transaction(backend: &mut Backend, messages: &[String]) {
    backend.says(br#"{"action":"B","xid":748}"#).await;
    for message in messages {
        backend.says(message.as_bytes()).await;
    }
    backend.says(br#"{"action":"C","xid":748}"#).await;
}

/// What is told of a transaction, with these knobs.
async fn told(knobs: Knobs, messages: &[String]) -> String {
    let mut live = Live::new(knobs).await;
    transaction(&mut live.backend, messages).await;
    let told = live.next().await;
    live.is_quiet().await;
    told
}

#[tokio::test(start_paused = true)]
async fn r3_changes_of_a_row_are_one_event() {
    let changes =
        [inserted("a", 7), inserted("a", 8), row("a", Some(7), Some(7), "x"), row("a", Some(7), None, "")];
    assert_eq!(told(pk(), &changes).await, "public.a:7 3, public.a:8 1");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_changes_the_key_nudges_the_old_and_the_new() {
    let changes = [row("a", Some(1), Some(2), ""), row("a", Some(2), Some(3), "")];
    assert_eq!(told(pk(), &changes).await, "public.a:1 1, public.a:2 2, public.a:3 1");
}

#[tokio::test(start_paused = true)]
async fn the_same_key_in_another_table_is_another_row() {
    assert_eq!(told(pk(), &[inserted("a", 1), inserted("b", 1)]).await, "public.a:1 1, public.b:1 1");
}

#[tokio::test(start_paused = true)]
async fn without_a_key_it_is_the_table() {
    let keyless = inserted("a", 1).replace(r#"[{"name":"id"}]}"#, "[]}");
    let truncated = r#"{"action":"T","xid":748,"schema":"public","table":"a"}"#.to_owned();
    let by_another_index =
        row("a", Some(1), Some(2), "").replace(r#""identity":[{"name":"id""#, r#""identity":[{"name":"o""#);
    let changes = [keyless, truncated, by_another_index, inserted("a", 1)];
    assert_eq!(told(pk(), &changes).await, "public.a 3, public.a:1 1");
}

/// R8: what a notice tells is a change of any row.
#[tokio::test(start_paused = true)]
async fn a_notice_is_about_the_table() {
    let mut live = Live::new(pk()).await;
    live.backend.warns(r#"no tuple identifier for UPDATE in table "public"."a""#).await;
    assert_eq!(live.next().await, "public.a 1");
}

#[tokio::test(start_paused = true)]
async fn a_key_behind_the_head_is_not_told() {
    let long = |bytes| [row("a", None, Some(1), &"x".repeat(bytes)), inserted("a", 1)];
    assert_eq!(told(pk(), &long(500_000)).await, "public.a:1 2");
    assert_eq!(told(pk(), &long(1024 * 1024)).await, "public.a 1, public.a:1 1");
    let narrow = Knobs { head_limit: Some(2048), ..pk() };
    assert_eq!(told(narrow.clone(), &long(1024)).await, "public.a:1 2");
    assert_eq!(told(narrow, &long(2048)).await, "public.a 1, public.a:1 1");
}

/// R5: a pending item has a limit in bytes.
#[tokio::test(start_paused = true)]
async fn r5_a_key_that_is_too_long_is_not_kept() {
    let long =
        |c: &str| inserted("a", 1).replace(r#""value":1}"#, &format!(r#""value":"{}"}}"#, c.repeat(10_000)));
    assert_eq!(told(pk(), &[long("k"), long("l"), inserted("a", 1)]).await, "public.a 2, public.a:1 1");
}

#[tokio::test(start_paused = true)]
async fn r5_one_row_too_many_is_an_overflow() {
    let knobs = || Knobs { max_pending: 3, ..pk() };
    let rows = |n: i64| (0..4 * n).map(|id| inserted("a", id % n)).collect::<Vec<_>>();
    assert_eq!(told(knobs(), &rows(3)).await, "public.a:0 4, public.a:1 4, public.a:2 4");
    assert_eq!(told(knobs(), &rows(4)).await, "overflow");
}

#[tokio::test(start_paused = true)]
async fn keys_are_asked_of_the_server_only_if_they_are_wanted() {
    for payload in [Payload::Table, Payload::PrimaryKey] {
        let tables = TableFilter::from_iter(["public.a".parse().unwrap()]);
        let mut network = Network::new();
        let connecting = network.connect(Knobs { payload, tables, ..pk() });
        let mut backend = network.accept().await;
        backend.lets_in().await;
        backend.prepares().await;
        assert_eq!(backend.makes_slot().await.1, "wal2json");
        let command = backend.starts().await;
        assert_eq!(command.contains("include-pk"), payload == Payload::PrimaryKey, "{command}");
        connecting.live().await;
    }
}

/// The other plugin has no keys: falling back would be another payload.
#[tokio::test(start_paused = true)]
async fn a_server_without_the_plugin_is_an_error() {
    let missing = Report::new("ERROR", "58P01", "could not access file \"wal2json\"");
    let refused = Report::new("ERROR", "42501", "library \"wal2json\" may not be used as an output plugin")
        .hint("Add it to the configuration parameter \"output_plugin_libraries\".");
    for refusal in [missing, refused] {
        let mut network = Network::new();
        let connecting = network.connect(pk());
        let mut backend = network.accept().await;
        backend.lets_in().await;
        backend.prepares().await;
        assert_eq!(backend.asked_for_slot().await.1, "wal2json");
        backend.answer_error(&refusal).await.unwrap();
        let error = connecting.error().await;
        assert!(error.is_permanent() && error.kind() == ErrorKind::Plugin, "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("payload to table")), "{error:?}");
        backend.is_left().await;
    }
}

/// The second session is asked about each table once, however many of its rows changed.
#[tokio::test(start_paused = true)]
async fn rows_of_a_partition_are_rows_of_the_table_above() {
    let partitioned = Server { partitioned: true, ..Server::default() };
    let mut live = Live::of(partitioned, Knobs { partition_root: true, ..pk() }).await;
    assert_eq!(live.next().await, "connected");
    transaction(&mut live.backend, &[inserted("leaf", 1), inserted("leaf", 2), inserted("leaf", 1)]).await;
    let script = async {
        let mut witness = witness(&mut live.network).await;
        witness.knows(true, &[["public", "leaf", "public", "root"]]).await
    };
    let (item, question) = tokio::join!(live.feed.next(), script);
    assert_eq!(wakeup(&item), "public.leaf:1 2, public.root:1 2, public.leaf:2 1, public.root:2 1");
    assert!(question.contains(r#"'{"leaf"}'"#), "{question}");
}

#[tokio::test(start_paused = true)]
async fn a_hub_passes_keys_on() {
    let Live { feed, mut backend, network: _network } = Live::new(pk()).await;
    let hub = Hub::new(feed);
    let tables = TableFilter::from_iter(["public.a".parse().unwrap()]);
    let mut filtered = hub.subscribe(&Knobs { tables, ..knobs() }).unwrap();
    let mut narrow = hub.subscribe(&Knobs { max_pending: 2, ..knobs() }).unwrap();
    for subscription in [&mut filtered, &mut narrow] {
        assert_eq!(wakeup(&subscription.next().await.unwrap()), "connected");
    }
    transaction(&mut backend, &[inserted("a", 1), inserted("b", 1), inserted("a", 2)]).await;
    assert_eq!(wakeup(&soon("keys", filtered.next()).await.unwrap()), "public.a:1 1, public.a:2 1");
    assert_eq!(wakeup(&soon("an overflow", narrow.next()).await.unwrap()), "overflow");
}

/// Messages, and how often each row changes in them: an UPDATE that changes the key counts for both.
#[derive(Clone, Debug)]
struct Workload {
    messages: Vec<String>,
    counts: BTreeMap<String, u64>,
}

fn workload() -> impl Strategy<Value = Workload> {
    let change = (0..2_usize, prop::option::of(0..4_i64), prop::option::of(0..4_i64), 0..400_usize);
    prop::collection::vec(change, 1..60).prop_map(|changes| {
        let mut work = Workload { messages: Vec::new(), counts: BTreeMap::new() };
        for (table, old, new, filler) in changes.into_iter().filter(|(_, old, new, _)| old.or(*new).is_some())
        {
            let table = ["a", "b"][table];
            work.messages.push(row(table, old, new, &"x".repeat(filler)));
            for id in old.into_iter().chain(new.filter(|_| old != new)) {
                *work.counts.entry(format!("public.{table}:{id}")).or_default() += 1;
            }
        }
        work
    })
}

/// The counts of what is delivered when the messages arrive in pieces of these sizes.
async fn delivered(messages: &[String], sizes: &[usize]) -> BTreeMap<String, u64> {
    let mut live = Live::new(pk()).await;
    live.prints_in_pieces(messages, sizes).await;
    if messages.is_empty() {
        return BTreeMap::new();
    }
    let item = live.feed.next().await;
    live.is_quiet().await;
    counts(&item)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r3_counts_of_rows_are_exact_however_the_stream_is_chopped(
        work in workload(),
        sizes in prop::collection::vec(1_usize..600, 1..20),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        prop_assert_eq!(runtime.block_on(delivered(&work.messages, &sizes)), work.counts);
    }
}
