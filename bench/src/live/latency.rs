//! `latency`: from when COMMIT returned to the writer until the consumer knows.
//!
//! Every commit counts, also one whose item others share: of the n-th commit the time ends with the item that
//! brings the count to n. It can be negative: decoding does not wait until the writer has its answer.

use std::time::{Duration, Instant};

use pgnudge::{Edge, Plugin, Visibility};
use serde::Serialize;

use super::Arguments;
use super::consumer::{Consumer, Kind};
use super::ground::Ground;
use super::writer::{self, Pace};
use crate::chart;
use crate::failure::Failure;
use crate::percentiles::Percentiles;
use crate::report::Table;

#[derive(Serialize)]
pub(super) struct Figure {
    plugin: &'static str,
    pace: &'static str,
    consumer: String,
    /// In microseconds, of every commit of every round.
    latency: Percentiles,
    /// Of the first commit of each burst.
    first: Percentiles,
    commits: usize,
}

/// All commits of one consumer at one pace: those of all rounds.
#[derive(Default)]
struct Latencies {
    all: Vec<f64>,
    first: Vec<f64>,
}

pub(super) async fn run(ground: &Ground, arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    ground.sql(TABLES).await?;
    let mut figures = Vec::new();
    for plugin in ground.plugins(arguments.plugin) {
        for (name, pace) in paces(arguments.seconds) {
            let mut latencies: Vec<Latencies> = kinds().map(|_| Latencies::default()).collect();
            for _ in 0..arguments.rounds {
                for (kind, latencies) in kinds().zip(&mut latencies) {
                    measure(ground, plugin, kind, pace, latencies).await?;
                }
            }
            let figure = |(kind, latencies): (Kind, &Latencies)| Figure::of(plugin, name, kind, latencies);
            let measured: Vec<_> = kinds().zip(&latencies).filter_map(figure).collect();
            println!("\n{}, {name}: µs from COMMIT to the consumer\n", plugin.name());
            print(&measured);
            draw(plugin, name, &latencies)?;
            figures.extend(measured);
        }
    }
    ground.sql("DROP TABLE plain, notified; DROP FUNCTION notify").await?;
    Ok(figures)
}

const TABLES: &str = "CREATE TABLE plain (id int); CREATE TABLE notified (id int);
    CREATE FUNCTION notify() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_notify('bench', TG_TABLE_NAME); RETURN NULL; END $$;
    CREATE TRIGGER notify AFTER INSERT ON notified FOR EACH ROW EXECUTE FUNCTION notify()";

/// With a leading edge a change comes at once if it was quiet for the window: this one is shorter than the
/// gaps of the slowest pace by more than twice, so that a late item does not make the next one late.
const LEADING: Duration = Duration::from_millis(5);

fn kinds() -> impl Iterator<Item = Kind> {
    let window = [
        (Duration::ZERO, Edge::Trailing),
        (LEADING, Edge::Leading),
        (Duration::from_millis(50), Edge::Trailing),
    ];
    let feeds = window.into_iter().flat_map(|(debounce, edge)| {
        let feed = move |visibility| Kind::Pgnudge { debounce, edge, visibility };
        [Visibility::Off, Visibility::Always].map(feed)
    });
    [Kind::Listen, Kind::PgRecvlogical].into_iter().chain(feeds)
}

fn paces(seconds: u32) -> [(&'static str, Pace); 3] {
    let pace = |bursts_per_second: u32, burst| {
        let transactions = (seconds * bursts_per_second) as usize * burst;
        Pace { transactions, burst, gap: Duration::from_secs(1) / bursts_per_second }
    };
    [("50/s", pace(50, 1)), ("1,000/s", pace(1000, 1)), ("bursts of 100, 2/s", pace(2, 100))]
}

async fn measure(
    ground: &Ground,
    plugin: Plugin,
    kind: Kind,
    pace: Pace,
    latencies: &mut Latencies,
) -> Result<(), Failure> {
    let statement = match kind {
        Kind::Listen => "INSERT INTO notified VALUES (1)",
        _ => "INSERT INTO plain VALUES (1)",
    };
    let mut consumer = kind.connect(ground, plugin).await?;
    let (committed, told) = tokio::try_join!(
        writer::write(ground.superuser_dsn(), statement, pace),
        arrivals(&mut consumer, pace.transactions),
    )?;
    consumer.leave(ground).await?;
    for (n, (committed, told)) in committed.into_iter().zip(told).enumerate() {
        let micros = micros_between(committed, told);
        latencies.all.push(micros);
        if n.is_multiple_of(pace.burst) {
            latencies.first.push(micros);
        }
    }
    Ok(())
}

/// When the consumer knew of each commit.
async fn arrivals(consumer: &mut Consumer, commits: usize) -> Result<Vec<Instant>, Failure> {
    let mut told = Vec::with_capacity(commits);
    while told.len() < commits {
        let more = consumer.next().await?;
        told.extend(std::iter::repeat_n(Instant::now(), more));
    }
    if told.len() > commits {
        return Err(Failure::new(format!("told of {} commits of {commits}", told.len())));
    }
    Ok(told)
}

fn micros_between(earlier: Instant, later: Instant) -> f64 {
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    later.checked_duration_since(earlier).map_or_else(|| -micros(earlier.duration_since(later)), micros)
}

impl Figure {
    fn of(plugin: Plugin, pace: &'static str, kind: Kind, latencies: &Latencies) -> Option<Self> {
        let Latencies { all, first } = latencies;
        let commits = all.len();
        let of = |micros: &[f64]| Percentiles::of(micros.iter().copied());
        let (latency, first) = (of(all)?, of(first)?);
        Some(Self { plugin: plugin.name(), pace, consumer: kind.name(), latency, first, commits })
    }
}

fn draw(plugin: Plugin, pace: &str, latencies: &[Latencies]) -> Result<(), Failure> {
    let curves = kinds().zip(latencies).map(|(kind, latencies)| (kind.name(), &latencies.all[..]));
    let plain =
        |letter: char| if letter == ' ' { Some('-') } else { Some(letter).filter(|l| l.is_alphanumeric()) };
    let file: String = pace.chars().filter_map(plain).collect();
    let plugin = plugin.name();
    chart::write_curves(
        &format!("live-latency-{plugin}-{file}"),
        &format!("{plugin}, {pace}"),
        &curves.collect::<Vec<_>>(),
    )
}

fn print(figures: &[Figure]) {
    let mut table = Table::new(&["consumer", "p50", "p90", "p99", "max", "first of a burst, p50", "p99"]);
    for Figure { consumer, latency, first, .. } in figures {
        let first = [first.p50, first.p99].map(|micros| format!("{micros:.0}"));
        table.row([consumer.clone()].into_iter().chain(latency.cells(0)).chain(first).collect());
    }
    table.print();
}
