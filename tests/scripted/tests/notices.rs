//! R8: a change that wal2json cannot print is a warning, and the warning is a wakeup.

use nudge_engine::{Knobs, Plugin, PluginChoice};
use pgnudge_scripted::{Live, MS, Network, knobs, timed};

fn wal2json() -> Knobs {
    Knobs { plugin: PluginChoice::Only(Plugin::Wal2Json), ..knobs() }
}

const KEYLESS: &str = r#"no tuple identifier for UPDATE in table "public"."keyless""#;

#[tokio::test(start_paused = true)]
async fn r8_a_change_without_key_nudges() {
    let mut live = Live::new(wal2json()).await;
    live.backend.says(br#"{"action":"B","xid":748}"#).await;
    live.backend.warns(KEYLESS).await;
    live.backend.warns(r#"no tuple identifier for DELETE in table "public"."keyless""#).await;
    live.backend.says(br#"{"action":"I","xid":748,"schema":"public","table":"a","columns":[]}"#).await;
    live.backend.says(br#"{"action":"C","xid":748}"#).await;
    assert_eq!(timed(live.next()).await, (50 * MS, "public.keyless 2, public.a 1".to_owned()));
}

/// The names are quoted and not escaped: `a"."b` can be read in two ways.
#[tokio::test(start_paused = true)]
async fn r8_an_ambiguous_one_resyncs() {
    let mut live = Live::new(wal2json()).await;
    live.backend.warns(r#"no tuple identifier for DELETE in table "public"."a"."b""#).await;
    assert_eq!(live.next().await, "undecodable");
}

#[tokio::test(start_paused = true)]
async fn r8_one_that_is_cut_resyncs() {
    let mut live = Live::new(wal2json()).await;
    live.backend.warns(&KEYLESS.replace("keyless", &"x".repeat(20_000))).await;
    assert_eq!(live.next().await, "undecodable");
}

#[tokio::test(start_paused = true)]
async fn r8_other_notices_are_silent() {
    let mut live = Live::new(wal2json()).await;
    live.backend.warns("the weather is fine").await;
    live.backend.warns(&"so is the water ".repeat(10_000)).await;
    live.is_quiet().await;

    let mut live = Live::new(knobs()).await;
    live.backend.warns(KEYLESS).await;
    live.is_quiet().await; // test_decoding prints such changes: nothing is left to say.
}

/// Behind a role that hides warnings they would not arrive.
#[tokio::test(start_paused = true)]
async fn r8_the_session_asks_for_warnings_before_there_is_a_slot() {
    let mut network = Network::new();
    let _connecting = network.connect(wal2json());
    let mut backend = network.accept().await;
    backend.lets_in().await;
    let first = backend.expect_query("").await.unwrap();
    assert!(first.starts_with("SET client_min_messages = 'warning';"), "{first}");
}
