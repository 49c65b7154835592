//! `memory`: what a client holds, against the size of a row and against a consumer that takes nothing.

use std::time::{Duration, Instant};

use pgnudge::Plugin;
use pgnudge_testkit::Memory;
use serde::Serialize;
use tokio::time::sleep;

use super::Arguments;
use super::ground::Ground;
use super::reader::Kind;
use super::writer::{self, Pace};
use crate::chart::{Bar, Bars, Scale};
use crate::failure::Failure;
use crate::report::Table;
use crate::sample::Sample;

const KINDS: [Kind; 2] = [Kind::Feed { debounce: 50 }, Kind::PgRecvlogical];

/// The bytes of a row, and how many there are of it.
const ROWS: [(usize, usize); 4] = [(1 << 10, 1000), (1 << 20, 20), (64 << 20, 2), (200 << 20, 1)];
/// What PostgreSQL can just about decode: a message has to be shorter than 1 GiB.
const LARGEST: (usize, usize) = (1_000_000_000, 1);

#[derive(Serialize)]
pub(super) struct Figure {
    plugin: &'static str,
    client: String,
    /// Bytes of a row; of the consumer that takes nothing there is none.
    row: Option<usize>,
    /// Bytes that were resident at most.
    peak: u64,
    /// Bytes of the log that the server kept for it at most.
    retained: Option<u64>,
}

pub(super) async fn run(ground: &Ground, arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    let rows = ROWS.into_iter().chain(arguments.thorough.then_some(LARGEST));
    let rows: Vec<_> = rows.collect();
    let mut figures = Vec::new();
    for plugin in ground.plugins(arguments.plugin) {
        for kind in KINDS {
            for &(bytes, count) in &rows {
                let (client, row) = (kind.name(), Some(bytes));
                let peak = of_rows(ground, plugin, kind, bytes, count).await?.peak;
                figures.push(Figure { plugin: plugin.name(), client, row, peak, retained: None });
            }
        }
        figures.push(stalled(ground, plugin, arguments.seconds).await?);
    }
    println!("\nresident at most\n");
    print(&figures);
    draw(&figures)?;
    Ok(figures)
}

/// A client that has read rows of one size and nothing else.
async fn of_rows(
    ground: &Ground,
    plugin: Plugin,
    kind: Kind,
    bytes: usize,
    count: usize,
) -> Result<Memory, Failure> {
    // Not compressed, so that nothing but the row is measured.
    ground.sql("CREATE TABLE large (junk text); ALTER TABLE large ALTER junk SET STORAGE EXTERNAL").await?;
    let mut reader = kind.start(ground, plugin, count).await?;
    let insert = "INSERT INTO large SELECT repeat('x', ";
    ground.sql(&format!("{insert}{bytes}) FROM generate_series(1, {count})")).await?;
    reader.has_read(ground, count).await?;
    let memory = reader.memory()?;
    reader.stop(ground).await?;
    ground.sql("DROP TABLE large; CHECKPOINT").await?;
    Ok(memory)
}

/// A feed whose items nobody takes, while 1,000 transactions per second are written.
async fn stalled(ground: &Ground, plugin: Plugin, seconds: u32) -> Result<Figure, Failure> {
    ground.sql("CREATE TABLE busy (id int, note text)").await?;
    let reader = Kind::Stalled.start(ground, plugin, 0).await?;
    let gap = Duration::from_millis(1);
    let pace = Pace { transactions: seconds as usize * 1000, burst: 1, gap };
    let statement = "INSERT INTO busy SELECT n, repeat('x', 100) FROM generate_series(1, 10) n";
    let (_, retained) = tokio::try_join!(
        writer::write(ground.superuser_dsn(), statement, pace),
        most_retained(ground, Duration::from_secs(seconds.into())),
    )?;
    let peak = reader.memory()?.peak;
    let client = Kind::Stalled.name();
    reader.stop(ground).await?;
    ground.sql("DROP TABLE busy").await?;
    Ok(Figure { plugin: plugin.name(), client, row: None, peak, retained: Some(retained) })
}

/// Looks ten times a second at how much of the log is kept.
async fn most_retained(ground: &Ground, watch: Duration) -> Result<u64, Failure> {
    let look = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint
        FROM pg_replication_slots WHERE temporary";
    let started = Instant::now();
    let mut most = 0;
    while started.elapsed() < watch {
        most = most.max(ground.query(look).await?.parse()?);
        sleep(Duration::from_millis(100)).await;
    }
    Ok(most)
}

fn draw(figures: &[Figure]) -> Result<(), Failure> {
    let chart = Bars {
        name: "live-memory",
        title: "Memory against the size of a row",
        axis: "resident at most, MB",
        scale: Scale::Doubling,
    };
    let mut figures: Vec<&Figure> = figures.iter().collect();
    // What is compared is who reads rows of the same size; without rows comes last.
    figures.sort_by_key(|figure| (figure.plugin, figure.row.is_none(), figure.row));
    chart.write(figures.into_iter().map(|figure| {
        let what = figure.row.map_or("a stalled consumer".to_owned(), of_size);
        let peak = Sample::once(megabytes(figure.peak));
        Bar::new(&format!("{}, {what}", figure.plugin), &figure.client, peak)
    }))
}

fn of_size(bytes: usize) -> String {
    if bytes >> 20 > 0 {
        format!("rows of {} MB", bytes >> 20)
    } else {
        format!("rows of {} KB", bytes >> 10)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure to show")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn print(figures: &[Figure]) {
    let mut table = Table::new(&["client", "row", "MB at most", "MB of the log kept at most"]);
    let cell = |bytes| format!("{:.1}", megabytes(bytes));
    for figure in figures {
        table.row(vec![
            format!("{}, {}", figure.client, figure.plugin),
            figure.row.map(of_size).unwrap_or_default(),
            cell(figure.peak),
            figure.retained.map(cell).unwrap_or_default(),
        ]);
    }
    table.print();
}
