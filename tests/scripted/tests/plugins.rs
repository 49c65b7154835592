//! Which output plugin decodes, and what happens when the server refuses it.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use nudge_engine::runtime::Status;
use nudge_engine::{ErrorKind, Knobs, Plugin, PluginChoice, TableFilter};
use pgnudge_scripted::{Network, knobs};
use pgnudge_testkit::frames::Report;

fn auto() -> Knobs {
    Knobs { plugin: PluginChoice::Auto, ..knobs() }
}

/// With a filter that wal2json can apply on the server.
fn auto_with_filter() -> Knobs {
    Knobs { tables: TableFilter::from_iter(["public.orders".parse().unwrap()]), ..auto() }
}

fn missing() -> Report {
    Report::new("ERROR", "58P01", "could not access file: No such file or directory")
}

/// As servers that have the setting refuse wal2json.
fn not_allowed() -> Report {
    Report::new("ERROR", "42501", "library \"wal2json\" may not be used as an output plugin")
        .hint("Add it to the configuration parameter \"output_plugin_libraries\".")
}

fn no_privilege() -> Report {
    Report::new("ERROR", "42501", "permission denied to use replication slots")
}

/// A feed that is refused its first plugin, and is live with the second: returns both.
async fn fallback(knobs: Knobs, refusal: &Report) -> (String, Plugin) {
    let mut network = Network::new();
    let connecting = network.connect(knobs);
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares().await;
    let (slot, first) = backend.asked_for_slot().await;
    backend.answer_error(refusal).await.unwrap();
    let (same_slot, second) = backend.makes_slot().await;
    assert_eq!(same_slot, slot, "on the same connection");
    backend.starts().await;
    let feed = connecting.live().await;
    let status = feed.status().borrow().clone();
    let Status::Streaming { plugin, .. } = status else { unreachable!("{status:?}") };
    assert_eq!(plugin.name(), second);
    (first, plugin)
}

#[tokio::test(start_paused = true)]
async fn auto_falls_back_when_the_library_is_missing() {
    assert_eq!(fallback(auto(), &missing()).await, ("test_decoding".into(), Plugin::Wal2Json));
    assert_eq!(fallback(auto_with_filter(), &missing()).await, ("wal2json".into(), Plugin::TestDecoding));
}

#[tokio::test(start_paused = true)]
async fn auto_falls_back_when_the_library_is_not_allowed() {
    assert_eq!(fallback(auto_with_filter(), &not_allowed()).await, ("wal2json".into(), Plugin::TestDecoding));
}

/// Why there is no feed when every slot is refused so, and how many were asked for.
async fn refused(knobs: Knobs, refusal: &Report) -> (ErrorKind, usize) {
    let mut network = Network::new();
    let connecting = network.connect(knobs);
    let mut backend = network.accept().await;
    backend.lets_in().await;
    backend.prepares().await;
    backend.asked_for_slot().await;
    let mut asked = 1;
    while backend.answer_error(refusal).await.is_ok() && backend.expect_query("CREATE").await.is_ok() {
        asked += 1;
    }
    let error = connecting.error().await;
    assert!(error.is_permanent() && error.hint().is_some(), "{error:?}");
    (error.kind(), asked)
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_named_is_used_or_refused() {
    let wal2json = || Knobs { plugin: PluginChoice::Only(Plugin::Wal2Json), ..knobs() };
    assert_eq!(refused(wal2json(), &missing()).await, (ErrorKind::Plugin, 1));
    assert_eq!(refused(wal2json(), &not_allowed()).await, (ErrorKind::Plugin, 1));
}

#[tokio::test(start_paused = true)]
async fn auto_gives_up_when_both_are_refused() {
    assert_eq!(refused(auto(), &missing()).await, (ErrorKind::Plugin, 2));
}

#[tokio::test(start_paused = true)]
async fn a_missing_privilege_is_no_matter_of_plugins() {
    assert_eq!(refused(auto(), &no_privilege()).await, (ErrorKind::Privilege, 1));
    assert_eq!(refused(auto_with_filter(), &no_privilege()).await, (ErrorKind::Privilege, 1));
}
