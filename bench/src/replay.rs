//! `replay`: a scripted walsender sends as fast as the socket takes it, to one client after the other.
//!
//! The rounds are interleaved: every client once, then every client again, so that a machine that is
//! busier for a while is so for all of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pgnudge::Plugin;
use pgnudge_testkit::Installation;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_native_tls::TlsAcceptor;

use crate::certificate;
use crate::chart::{Bar, Bars, Scale};
use crate::client::{self, Kind};
use crate::failure::Failure;
use crate::peer::Peer;
use crate::report::{self, Table};
use crate::sample::Sample;
use crate::stopwatch::{self, Cost};
use crate::stream::{Row, Shape, Stream};
use crate::walsender::{Reader, Script, serving};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the streams whose name holds this
    #[arg(long, default_value = "")]
    only: String,
    /// How often each client reads each stream
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The directory of the pg_recvlogical to compare with
    #[arg(long)]
    bin_dir: Option<PathBuf>,
    /// The program with the clients from the registry to compare with
    #[arg(long)]
    peers: Option<PathBuf>,
}

/// A stream, and how it travels.
struct Case {
    name: &'static str,
    shape: Shape,
    tls: bool,
}

/// Who reads a stream.
#[derive(Clone, Debug)]
enum Client {
    Ours(Kind),
    PgRecvlogical(PathBuf),
    Peer(Peer),
}

#[derive(Serialize)]
struct Outcome {
    stream: &'static str,
    bytes_per_change: usize,
    changes: usize,
    client: String,
    costs: Vec<Cost>,
}

fn cases() -> Vec<Case> {
    let shape =
        |plugin, row, tables, transaction, changes| Shape { plugin, row, tables, transaction, changes };
    let case = |name, shape| Case { name, shape, tls: false };
    let (json, test) = (Plugin::Wal2Json, Plugin::TestDecoding);
    vec![
        case("wal2json, narrow, 10,000 rows/tx", shape(json, Row::Of(377), 1, 10_000, M)),
        case("test_decoding, narrow, 10,000 rows/tx", shape(test, Row::Of(204), 1, 10_000, 2 * M)),
        case("wal2json, narrow, 1 row/tx", shape(json, Row::Of(377), 1, 1, M)),
        case("test_decoding, narrow, 1 row/tx", shape(test, Row::Of(204), 1, 1, M)),
        case("wal2json, narrow, 8 tables in turn", shape(json, Row::Of(377), 8, 100, M)),
        case("test_decoding, narrow, 8 tables in turn", shape(test, Row::Of(204), 8, 100, M)),
        case("wal2json, 50 columns", shape(json, Row::Wide, 1, 100, M / 4)),
        case("test_decoding, 50 columns", shape(test, Row::Wide, 1, 100, M / 4)),
        case("wal2json, 1 MB", shape(json, Row::Of(1 << 20), 1, 1, 2000)),
        case("test_decoding, 1 MB", shape(test, Row::Of(1 << 20), 1, 1, 2000)),
        Case {
            name: "wal2json, narrow, 10,000 rows/tx, TLS",
            shape: shape(json, Row::Of(377), 1, 10_000, M),
            tls: true,
        },
        Case {
            name: "test_decoding, narrow, 10,000 rows/tx, TLS",
            shape: shape(test, Row::Of(204), 1, 10_000, 2 * M),
            tls: true,
        },
    ]
}

const M: usize = 1_000_000;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let all = clients(arguments);
    let acceptor = certificate::acceptor()?;
    let (mut results, mut bars) = (Vec::new(), Vec::new());
    for case in cases().into_iter().filter(|case| case.name.contains(&arguments.only)) {
        let Some(tls) = (if case.tls { acceptor.clone().map(Some) } else { Some(None) }) else {
            eprintln!("note: {} is left out: no openssl program", case.name);
            continue;
        };
        let clients: Vec<&Client> = all.iter().filter(|client| client.can_read(&case)).collect();
        let stream = Stream::new(&case.shape);
        println!("\n{}: {} changes of {} bytes\n", case.name, stream.changes(), stream.bytes_per_change());
        let mut costs = vec![Vec::new(); clients.len()];
        for _ in 0..arguments.rounds {
            for (client, costs) in clients.iter().zip(&mut costs) {
                costs.push(crate::runtime()?.block_on(client.read(&case, stream.clone(), tls.clone()))?);
            }
        }
        print(&stream, &clients, &costs);
        bars.extend(multiples(case.name, &clients, &costs));
        results.extend(clients.iter().zip(costs).map(|(client, costs)| Outcome {
            stream: case.name,
            bytes_per_change: stream.bytes_per_change(),
            changes: stream.changes(),
            client: client.name(),
            costs,
        }));
    }
    report::write_json("replay", &results)?;
    let chart = Bars {
        name: "replay",
        title: "Replay: CPU of the client",
        axis: "× the CPU of recv and discard",
        scale: Scale::Doubling,
    };
    chart.write(bars)
}

fn clients(arguments: &Arguments) -> Vec<Client> {
    let ours = [Kind::Discard, Kind::Names, Kind::Pgnudge, Kind::PgnudgeThreads].map(Client::Ours);
    let recvlogical = pg_recvlogical(arguments).map(Client::PgRecvlogical);
    let peers = arguments.peers.iter().flat_map(|program| Peer::all(program)).map(Client::Peer);
    ours.into_iter().chain(recvlogical).chain(peers).collect()
}

/// Of the directory given, or of the server that the tests would take.
fn pg_recvlogical(arguments: &Arguments) -> Option<PathBuf> {
    let named: Vec<_> = arguments.bin_dir.iter().cloned().collect();
    let found = Installation::find(&named).ok()?.bin().join("pg_recvlogical");
    found.is_file().then_some(found)
}

fn cpu(costs: &[Cost]) -> Option<Sample> {
    Sample::of(costs.iter().map(Cost::cpu))
}

/// What the first client needed, at the median.
fn floor(costs: &[Vec<Cost>]) -> f64 {
    costs.first().and_then(|costs| cpu(costs)).map_or(f64::NAN, |floor| floor.median)
}

/// Each client's CPU as a multiple of the floor.
fn multiples(stream: &str, clients: &[&Client], costs: &[Vec<Cost>]) -> impl Iterator<Item = Bar> {
    clients.iter().zip(costs).filter_map(move |(client, own)| {
        let value = cpu(own)?.per(floor(costs));
        Some(Bar::new(stream, &client.name(), value))
    })
}

fn print(stream: &Stream, clients: &[&Client], costs: &[Vec<Cost>]) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
    let (millions, bytes) = (stream.changes() as f64 / 1e6, stream.bytes() as f64 / 1e9);
    let floor = floor(costs);
    let mut table = Table::new(&[
        "client",
        "CPU s per 10⁶ changes",
        "min … max",
        "× floor",
        "s per GB",
        "user",
        "peak MB",
    ]);
    for (client, costs) in clients.iter().zip(costs) {
        let (Some(sample), Some(user)) = (cpu(costs), Sample::of(costs.iter().map(|cost| cost.user))) else {
            continue;
        };
        let peak = costs.iter().map(|cost| cost.peak_kib).max().unwrap_or(0);
        table.row(vec![
            client.name(),
            format!("{:.3}", sample.median / millions),
            format!("{:.3} … {:.3}", sample.min / millions, sample.max / millions),
            format!("{:.2}", sample.median / floor),
            format!("{:.3}", sample.median / bytes),
            format!("{:.0} %", user.median / sample.median * 100.0),
            format!("{}.{}", peak / 1024, peak % 1024 * 10 / 1024),
        ]);
    }
    table.print();
}

impl Client {
    fn name(&self) -> String {
        match self {
            Self::Ours(Kind::Discard) => "recv and discard".to_owned(),
            Self::Ours(Kind::Names) => "recv, table names".to_owned(),
            Self::Ours(Kind::Pgnudge) => "pgnudge".to_owned(),
            Self::Ours(Kind::PgnudgeThreads) => "pgnudge, runtime of threads".to_owned(),
            Self::PgRecvlogical(_) => "pg_recvlogical".to_owned(),
            Self::Peer(peer) => peer.name().to_owned(),
        }
    }

    fn can_read(&self, case: &Case) -> bool {
        match self {
            Self::Peer(peer) => !case.tls && peer.can_read(case.shape.plugin),
            _ => true,
        }
    }

    /// Reads a stream, once.
    async fn read(&self, case: &Case, stream: Stream, tls: Option<TlsAcceptor>) -> Result<Cost, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let gate = TcpListener::bind(("127.0.0.1", 0)).await?;
        let words = self.command(case, &listener, &gate, &stream)?;
        let reader = match self {
            Self::Ours(Kind::Pgnudge | Kind::PgnudgeThreads) => Reader::Feed { gate },
            _ => Reader::ToTheEnd,
        };
        serving(&listener, Script { stream, reader, tls }, stopwatch::measure(&words)).await
    }

    fn command(
        &self,
        case: &Case,
        listener: &TcpListener,
        gate: &TcpListener,
        stream: &Stream,
    ) -> Result<Vec<OsString>, Failure> {
        let (port, gate) = (listener.local_addr()?.port(), gate.local_addr()?);
        match self {
            Self::PgRecvlogical(program) => {
                Ok(pg_recvlogical_command(program, port, &stream.end(), case.tls))
            }
            Self::Peer(peer) => Ok(peer.words(port, stream.messages())),
            &Self::Ours(kind) => {
                let (plugin, changes) = (case.shape.plugin, stream.changes() as u64);
                client::Arguments { kind, port, plugin, changes, tls: case.tls, gate }.words()
            }
        }
    }
}

fn pg_recvlogical_command(program: &Path, port: u16, end: &str, tls: bool) -> Vec<OsString> {
    let sslmode = if tls { "require" } else { "disable" };
    let target = format!("host=127.0.0.1 port={port} user=bench dbname=bench sslmode={sslmode}");
    let end = format!("--endpos={end}");
    let words = ["--start", "--slot=bench", "--file=/dev/null", &end, "--dbname"];
    let words = words.into_iter().map(OsString::from);
    [program.as_os_str().to_owned()].into_iter().chain(words).chain([target.into()]).collect()
}
