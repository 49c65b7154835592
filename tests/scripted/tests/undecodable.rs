//! R7: what cannot be understood is a Resync, never silence.

use nudge_engine::{Knobs, Plugin, PluginChoice};
use pgnudge_scripted::{Live, knobs};
use pgnudge_testkit::frames;

/// More than is looked at of any message.
const LONG: usize = 20_000;

/// A message of the plugin makes a Resync, and the feed goes on.
async fn resyncs(plugin: Plugin, printed: &[u8]) {
    let mut live = Live::new(Knobs { plugin: PluginChoice::Only(plugin), ..knobs() }).await;
    live.backend.says(printed).await;
    assert_eq!(live.next().await, "undecodable", "{}", printed.escape_ascii());
    live.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn r7_messages_that_the_plugins_never_print() {
    for printed in ["", "garbage", "table ", "table public.a: MERGE: id[integer]:1", "BEGIN 1 2", "\0"] {
        resyncs(Plugin::TestDecoding, printed.as_bytes()).await;
    }
    for printed in ["", "{", "garbage", r#"{"action":"Z"}"#, r#"{"change":[]}"#] {
        resyncs(Plugin::Wal2Json, printed.as_bytes()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn r7_names_that_are_not_text() {
    resyncs(Plugin::TestDecoding, b"table public.\"K\xe4se\": INSERT: id[integer]:1").await;
    resyncs(Plugin::Wal2Json, b"{\"action\":\"I\",\"schema\":\"public\",\"table\":\"K\xe4se\"}").await;
}

#[tokio::test(start_paused = true)]
async fn r7_names_that_go_on_past_the_head() {
    let name = "x".repeat(LONG);
    resyncs(Plugin::TestDecoding, format!("table public.{name}: INSERT: id[integer]:1").as_bytes()).await;
    resyncs(Plugin::TestDecoding, format!("table public.a, public.{name}: TRUNCATE:").as_bytes()).await;
    let insert = format!(r#"{{"action":"I","schema":"public","table":"{name}","columns":[]}}"#);
    resyncs(Plugin::Wal2Json, insert.as_bytes()).await;
}

#[tokio::test(start_paused = true)]
async fn r7_a_long_row_is_no_reason() {
    let mut live = Live::new(knobs()).await;
    let row = format!("table public.a: INSERT: note[text]:'{}'", "x".repeat(LONG));
    live.backend.begins().await;
    live.backend.says(row.as_bytes()).await;
    live.backend.says(row.as_bytes()).await;
    live.backend.ends().await;
    assert_eq!(live.next().await, "public.a 2");
}

#[tokio::test(start_paused = true)]
async fn r7_the_messages_after_it_are_understood() {
    let mut live = Live::new(knobs()).await;
    live.backend.begins().await;
    live.backend.says("garbage".repeat(LONG).as_bytes()).await;
    live.backend.ends().await;
    assert_eq!(live.next().await, "undecodable");
    live.backend.commits(&["public.a"]).await;
    assert_eq!(live.next().await, "public.a 1");
}

#[tokio::test(start_paused = true)]
async fn r7_messages_that_are_no_changes_are_silent() {
    let mut live = Live::new(knobs()).await;
    live.backend.says(b"message: transactional: 1 prefix: p, sz: 3 content:abc").await;
    live.backend.begins().await;
    live.backend.ends().await;
    live.is_quiet().await;
}

/// CopyData of another kind than `w` and `k`, or of none: it may have been a change, and the stream goes on.
#[tokio::test(start_paused = true)]
async fn r7_an_unknown_replication_message_is_a_resync_and_the_stream_goes_on() {
    for data in [&b""[..], b"x", b"s\0\0\0\0\0\0\0\0", &[0; LONG]] {
        let mut live = Live::new(knobs()).await;
        for _ in 0..3 {
            live.backend.sends(&frames::copy_data(data)).await;
            assert_eq!(live.next().await, "undecodable", "{} bytes", data.len());
            live.backend.commits(&["public.a"]).await;
            assert_eq!(live.next().await, "public.a 1");
        }
        live.is_quiet().await;
    }
}
