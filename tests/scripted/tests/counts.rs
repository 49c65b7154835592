//! R3: counts are exact, however the bytes arrive.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::BTreeMap;

use nudge_engine::Knobs;
use pgnudge_scripted::{Live, counts, knobs};
use pgnudge_testkit::frames;
use proptest::prelude::*;

/// Messages that test_decoding prints, and how often each table changes in them.
#[derive(Clone, Debug)]
struct Workload {
    messages: Vec<String>,
    counts: BTreeMap<String, u64>,
}

/// Transactions of row changes and of TRUNCATEs of several tables.
fn workload() -> impl Strategy<Value = Workload> {
    let tables = || prop::sample::subsequence(vec!["public.a", "public.b", "app.\"C d\"", "x.y"], 1..=4);
    let statement = (tables(), any::<bool>());
    let transactions = prop::collection::vec(prop::collection::vec(statement, 1..6), 1..30);
    transactions.prop_map(|transactions| {
        let mut work = Workload { messages: Vec::new(), counts: BTreeMap::new() };
        for statements in transactions {
            work.messages.push("BEGIN 748".into());
            for (tables, truncates) in statements {
                for table in &tables {
                    *work.counts.entry(table.replace('"', "")).or_default() += 1;
                }
                if truncates {
                    work.messages.push(format!("table {}: TRUNCATE: (no-flags)", tables.join(", ")));
                } else {
                    let rows = tables.iter().map(|table| format!("table {table}: UPDATE: id[integer]:1"));
                    work.messages.extend(rows);
                }
            }
            work.messages.push("COMMIT 748".into());
        }
        work
    })
}

/// The counts of what the feed delivers when the messages arrive in pieces of these sizes.
async fn delivered(messages: &[String], sizes: &[usize]) -> BTreeMap<String, u64> {
    let mut live = Live::new(knobs()).await;
    live.prints_in_pieces(messages, sizes).await;
    let item = live.feed.next().await;
    live.is_quiet().await;
    counts(&item)
}

fn on_a_paused_clock<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r3_counts_are_exact_however_the_stream_is_chopped(
        work in workload(),
        sizes in prop::collection::vec(1_usize..300, 1..20),
    ) {
        let delivered = on_a_paused_clock(delivered(&work.messages, &sizes));
        prop_assert_eq!(delivered, work.counts);
    }
}

#[tokio::test(start_paused = true)]
async fn r3_a_truncate_counts_once_for_each_of_its_tables() {
    let mut live = Live::new(knobs()).await;
    live.backend.begins().await;
    live.backend.says(b"table public.a, public.b, public.c: TRUNCATE: restart_seqs cascade").await;
    live.backend.ends().await;
    assert_eq!(live.next().await, "public.a 1, public.b 1, public.c 1");
}

#[tokio::test(start_paused = true)]
async fn r3_a_statement_of_many_rows_is_one_event_and_no_overflow() {
    let mut live = Live::new(Knobs { max_pending: 1, ..knobs() }).await;
    live.backend.begins().await;
    let rows = frames::xlog_data(1, 2, b"table public.a: INSERT: id[integer]:1").repeat(1000);
    for _ in 0..200 {
        live.backend.sends(&rows).await;
    }
    live.backend.ends().await;
    assert_eq!(live.next().await, "public.a 200000");
}

#[tokio::test(start_paused = true)]
async fn r3_windows_add_up() {
    let mut live = Live::new(knobs()).await;
    let mut sum = 0;
    for transactions in 1..50 {
        for _ in 0..transactions {
            live.backend.commits(&["public.a", "public.a"]).await;
        }
        sum += counts(&live.feed.next().await)["public.a"];
    }
    assert_eq!(sum, 2 * (1..50).sum::<u64>());
}
