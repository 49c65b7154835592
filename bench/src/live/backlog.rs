//! `backlog`: a reader was held up while much was written, and catches up.

use pgnudge::Plugin;
use pgnudge_testkit::Signal;
use serde::Serialize;
use std::time::Instant;

use super::Arguments;
use super::ground::Ground;
use super::reader::Kind;
use crate::chart::{Bar, Bars, Scale};
use crate::failure::Failure;
use crate::report::Table;
use crate::sample::Sample;

/// So many of [`IN_TRANSACTION`] changes for every second of `--seconds`: 500,000 changes in ten.
const TRANSACTIONS_PER_SECOND: u32 = 50;
const IN_TRANSACTION: usize = 1_000;

const KINDS: [Kind; 3] = [Kind::Eager, Kind::Feed { debounce: 50 }, Kind::PgRecvlogical];

#[derive(Serialize)]
pub(super) struct Figure {
    plugin: &'static str,
    client: String,
    changes: usize,
    /// Seconds until everything is read.
    wall: Sample,
    /// Seconds of the client's CPU.
    client_cpu: Sample,
    client_waits: Sample,
    /// Microseconds of the walsender's CPU per change.
    walsender_cpu: Sample,
}

/// One measurement, in the units of [`Figure`].
struct Round {
    wall: f64,
    client_cpu: f64,
    client_waits: f64,
    walsender_cpu: f64,
}

pub(super) async fn run(ground: &Ground, arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    let transactions = (arguments.seconds * TRANSACTIONS_PER_SECOND) as usize;
    let mut figures = Vec::new();
    for plugin in ground.plugins(arguments.plugin) {
        let mut rounds: [Vec<Round>; KINDS.len()] = Default::default();
        for _ in 0..arguments.rounds {
            for (kind, rounds) in KINDS.iter().zip(&mut rounds) {
                rounds.push(measure(ground, plugin, *kind, transactions).await?);
            }
        }
        let changes = transactions * IN_TRANSACTION;
        let figure = |(kind, rounds): (&Kind, &Vec<Round>)| Figure::of(plugin, *kind, changes, rounds);
        let measured: Vec<_> = KINDS.iter().zip(&rounds).filter_map(figure).collect();
        println!("\n{}: a backlog of {changes} changes, {IN_TRANSACTION} per transaction\n", plugin.name());
        print(&measured);
        figures.extend(measured);
    }
    draw("live-backlog-client", "client CPU, seconds", &figures, |figure| figure.client_cpu)?;
    draw("live-backlog-time", "until everything is read, seconds", &figures, |figure| figure.wall)?;
    Ok(figures)
}

async fn measure(ground: &Ground, plugin: Plugin, kind: Kind, transactions: usize) -> Result<Round, Failure> {
    ground.sql("CREATE TABLE backlog (id int, note text, at timestamptz)").await?;
    let changes = transactions * IN_TRANSACTION;
    let mut reader = kind.start(ground, plugin, changes).await?;
    let before = reader.used(ground).await?;
    reader.signal(Signal::Stop)?;
    ground.sql(&written(transactions)).await?;
    let started = Instant::now();
    reader.signal(Signal::Cont)?;
    let read = reader.has_read(ground, changes).await?;
    let used = reader.used(ground).await? - before;
    reader.stop(ground).await?;
    ground.sql("DROP TABLE backlog").await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
    let (changes, client_waits) = (changes as f64, used.client.waits as f64);
    Ok(Round {
        wall: read.duration_since(started).as_secs_f64(),
        client_cpu: used.client.cpu,
        client_waits,
        walsender_cpu: used.walsender.cpu * 1e6 / changes,
    })
}

/// One statement, so that writing is quick.
fn written(transactions: usize) -> String {
    format!(
        "DO $$ BEGIN FOR n IN 1..{transactions} LOOP
            INSERT INTO backlog SELECT i, 'a short text', now() FROM generate_series(1, {IN_TRANSACTION}) i;
            COMMIT;
        END LOOP; END $$"
    )
}

impl Figure {
    fn of(plugin: Plugin, kind: Kind, changes: usize, rounds: &[Round]) -> Option<Self> {
        let sample = |figure: fn(&Round) -> f64| Sample::of(rounds.iter().map(figure));
        Some(Self {
            plugin: plugin.name(),
            client: kind.name(),
            changes,
            wall: sample(|round| round.wall)?,
            client_cpu: sample(|round| round.client_cpu)?,
            client_waits: sample(|round| round.client_waits)?,
            walsender_cpu: sample(|round| round.walsender_cpu)?,
        })
    }
}

fn draw(name: &str, axis: &str, figures: &[Figure], value: fn(&Figure) -> Sample) -> Result<(), Failure> {
    let changes = figures.first().map_or(0, |figure| figure.changes);
    let title = format!("A backlog of {changes} changes, {IN_TRANSACTION} per transaction");
    let bar = |figure: &Figure| Bar::new(figure.plugin, &figure.client, value(figure));
    Bars { name, title: &title, axis, scale: Scale::Linear }.write(figures.iter().map(bar))
}

fn print(figures: &[Figure]) {
    let mut table = Table::new(&[
        "client",
        "seconds",
        "min … max",
        "client CPU s",
        "min … max",
        "waits",
        "walsender CPU µs/change",
        "min … max",
    ]);
    for figure in figures {
        table.row(vec![
            figure.client.clone(),
            figure.wall.cell(2),
            figure.wall.range(2),
            figure.client_cpu.cell(3),
            figure.client_cpu.range(3),
            figure.client_waits.cell(0),
            figure.walsender_cpu.cell(2),
            figure.walsender_cpu.range(2),
        ]);
    }
    table.print();
}
