//! The parts of the hot path, one at a time: `cargo xtask bench micro`.
//!
//! One iteration is one change (or what its name says), so that the time is that of a change. A part
//! that runs in a loop of its own has the caches and the branch predictor for itself: the figures are
//! there to compare a part with itself before and after it was changed, not to be added up. What the
//! whole feed costs is what `bench instructions` and `bench replay` tell.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has nothing to tell")]

use std::time::{Duration, Instant, SystemTime};

use criterion::{BatchSize, Criterion, Throughput};
use nudge_decode::{Decoded, Decoder, Plugin};
use nudge_engine::policy::{Debouncer, Edge, Familiar, Harvest, Look, Standing, Window};
use nudge_engine::{Lsn, TableName};
use nudge_proto::{
    Credentials, Inbox, Limits, ScramNonce, Secret, SlotName, StartReplication, Startup, Stream, StreamEvent,
};
use pgnudge_testkit::frames;

/// A narrow row as each plugin prints it with the options that a feed asks for.
const ROWS: [(Plugin, &[u8]); 2] = [
    (
        Plugin::TestDecoding,
        b"table public.orders: INSERT: id[bigint]:1000000 customer_id[integer]:4711 status[text]:'shipped' \
          amount[numeric]:129.90 note[text]:'leave it at the door'",
    ),
    (
        Plugin::Wal2Json,
        br#"{"action":"I","xid":748,"schema":"public","table":"orders","columns":[{"name":"id","value":1000000},{"name":"customer_id","value":4711},{"name":"status","value":"shipped"},{"name":"amount","value":129.90},{"name":"note","value":"leave it at the door"}]}"#,
    ),
];

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    framing(&mut criterion);
    decoding(&mut criterion);
    row_prefix(&mut criterion);
    intake(&mut criterion);
    login(&mut criterion);
    criterion.final_summary();
}

/// From the bytes of a read to the next message of the plugin.
fn framing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("framing");
    group.throughput(Throughput::Elements(1));
    for (plugin, row) in ROWS {
        let message = frames::xlog_data(1, 1, row);
        let read = message.repeat(Inbox::DEFAULT_CAPACITY / message.len());
        let (mut stream, mut rest) = (streaming(), read.as_slice());
        group.bench_function(plugin.name(), |bencher| {
            bencher.iter(|| {
                let step = stream.advance(rest).unwrap();
                let Some(StreamEvent::XLogData(data)) = step.event else { unreachable!("{step:?}") };
                rest = rest.get(step.consumed..).filter(|rest| !rest.is_empty()).unwrap_or(&read);
                data
            });
        });
    }
    group.finish();
}

/// From a message that was not met before to the name of its table.
fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decoding");
    group.throughput(Throughput::Elements(1));
    for (plugin, row) in ROWS {
        let decoder = Decoder::new(plugin);
        assert!(matches!(decoder.decode(row, false), Decoded::Change(_)));
        group.bench_function(plugin.name(), |bencher| {
            bencher.iter(|| decoder.decode(std::hint::black_box(row), false));
        });
    }
    group.finish();
}

/// The same of a message that begins as the last one did.
fn row_prefix(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("row prefix");
    group.throughput(Throughput::Elements(1));
    for (plugin, row) in ROWS {
        let prefix = Decoder::new(plugin).row_prefix(row).unwrap();
        assert!(prefix.begins(row));
        group.bench_function(plugin.name(), |bencher| {
            bencher.iter(|| prefix.begins(std::hint::black_box(row)));
        });
    }
    group.finish();
}

/// From a message to the count of its table, and from a read with changes to the window.
fn intake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("intake");
    group.throughput(Throughput::Elements(1));
    let table = TableName::new("public", "orders");
    let (mut harvest, now) = (Harvest::default(), SystemTime::now());
    for (plugin, row) in ROWS {
        let mut familiar = Familiar::default();
        let standing = Standing::At(harvest.change_known(&table, true, now));
        familiar.meet(Decoder::new(plugin).row_prefix(row).unwrap(), table.clone(), standing);
        group.bench_function(format!("a change, {}", plugin.name()), |bencher| {
            bencher.iter(|| match familiar.look(std::hint::black_box(row)) {
                Look::Known(_, Standing::At(place)) => harvest.again(place),
                look => unreachable!("{look:?}"),
            });
        });
    }
    let debounce = Duration::from_millis(50);
    let debouncer = Debouncer { debounce, max_batch_wait: 20 * debounce, edge: Edge::Trailing };
    let (mut window, then) = (Window::new(debouncer, 8192, None), Instant::now());
    group.bench_function("a read with one table", |bencher| {
        bencher.iter(|| {
            harvest.change_known(&table, true, now);
            harvest.reach(Lsn::new(1));
            window.absorb(&mut harvest, then)
        });
    });
    assert_eq!(window.pending_tables(), 1);
    group.finish();
}

/// The proof that the password is known, with as many rounds as PostgreSQL asks for by default.
fn login(criterion: &mut Criterion) {
    let mut startup = startup();
    let (mut out, method) = (Vec::new(), frames::authentication_sasl(&["SCRAM-SHA-256"]));
    startup.advance(&method, &mut out).unwrap();
    // The nonce has to go on from ours, which is 18 times the same byte.
    let challenge = b"r=KioqKioqKioqKioqKioqKioqx,s=QUFBQUFBQUFBQUFBQUFBQQ==,i=4096";
    let challenge = frames::authentication_sasl_continue(challenge);
    criterion.bench_function("login, SCRAM-SHA-256 with 4,096 rounds", |bencher| {
        let before = || (startup.clone(), Vec::new());
        bencher.iter_batched_ref(
            before,
            |(startup, out)| startup.advance(&challenge, out).unwrap(),
            BatchSize::SmallInput,
        );
    });
}

fn startup() -> Startup {
    let credentials = Credentials::new(Some(Secret::new("pencil")), ScramNonce::new([42; 18]));
    Startup::new(c"nudger", &[], credentials, Limits::default(), &mut Vec::new())
}

/// A connection that streams.
fn streaming() -> Stream {
    let mut out = Vec::new();
    let greeting = [frames::authentication_ok(), frames::backend_key_data(1, 1), frames::ready_for_query()];
    let session = startup().advance(&greeting.concat(), &mut out).unwrap().event.unwrap();
    let command =
        StartReplication::logical(&SlotName::new("bench").unwrap(), Lsn::ZERO, [("", ""); 0]).unwrap();
    let mut stream = session.start_replication(&command, &mut out);
    stream.advance(&frames::copy_both_response()).unwrap();
    stream
}
