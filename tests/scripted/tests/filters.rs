//! The filter on the client's side: foreign tables nudge nobody, and change no window's times.

#![expect(clippy::expect_used, reason = "helpers of a test")]

use nudge_engine::{Knobs, Plugin, PluginChoice, TableFilter};
use pgnudge_scripted::{Live, MS, Network, knobs, timed};
use tokio::time::sleep;

fn orders() -> Knobs {
    let patterns = ["public.orders", "audit.*"].map(|pattern| pattern.parse().expect("a pattern"));
    Knobs { tables: TableFilter::from_iter(patterns), ..knobs() }
}

#[tokio::test(start_paused = true)]
async fn foreign_tables_are_dropped_and_the_others_counted() {
    let mut live = Live::new(orders()).await;
    live.backend.commits(&["public.foreign", "public.orders", "audit.log", "other.orders"]).await;
    live.backend.says(b"table public.foreign, public.orders, audit.log: TRUNCATE: (no-flags)").await;
    assert_eq!(live.next().await, "public.orders 2, audit.log 2");
}

#[tokio::test(start_paused = true)]
async fn foreign_tables_open_no_window() {
    let mut live = Live::new(orders()).await;
    live.backend.commits(&["public.foreign"]).await;
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_tables_do_not_keep_a_window_open() {
    let mut live = Live::new(orders()).await;
    live.backend.commits(&["public.orders"]).await;
    sleep(40 * MS).await;
    live.backend.commits(&["public.foreign"]).await;
    assert_eq!(timed(live.next()).await, (10 * MS, "public.orders 1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_of_foreign_tables_holds_no_window() {
    let mut live = Live::new(orders()).await;
    live.backend.commits(&["public.orders"]).await;
    live.backend.begins().await;
    live.backend.changes("public.foreign").await;
    assert_eq!(timed(live.next()).await, (50 * MS, "public.orders 1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_may_be_a_table_of_ours() {
    let mut live = Live::new(orders()).await;
    live.backend.says(b"garbage").await;
    assert_eq!(live.next().await, "undecodable");
}

#[tokio::test(start_paused = true)]
async fn notices_are_filtered_too() {
    let mut live = Live::new(Knobs { plugin: PluginChoice::Only(Plugin::Wal2Json), ..orders() }).await;
    live.backend.warns(r#"no tuple identifier for UPDATE in table "public"."foreign""#).await;
    live.is_quiet().await;
    live.backend.warns(r#"no tuple identifier for UPDATE in table "public"."orders""#).await;
    assert_eq!(live.next().await, "public.orders 1");
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_the_plugin_can_apply_is_sent_to_the_server() {
    for (plugin, sent) in [(Plugin::Wal2Json, true), (Plugin::TestDecoding, false)] {
        let mut network = Network::new();
        let connecting = network.connect(Knobs { plugin: PluginChoice::Only(plugin), ..orders() });
        let mut backend = network.accept().await;
        backend.lets_in().await;
        backend.prepares().await;
        backend.makes_slot().await;
        let command = backend.starts().await;
        assert_eq!(command.contains("public.orders"), sent, "{command}");
        connecting.live().await;
    }
}
