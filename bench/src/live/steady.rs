//! `steady`: a server that is busy at a steady pace, and what it costs to keep up with it.

use std::time::Duration;

use pgnudge::Plugin;
use serde::Serialize;

use super::Arguments;
use super::ground::Ground;
use super::reader::Kind;
use super::writer::{self, Pace};
use crate::chart::{Bar, Bars, Scale};
use crate::failure::Failure;
use crate::report::Table;
use crate::sample::Sample;

const TRANSACTIONS_PER_SECOND: u32 = 2_000;
const CHANGES: usize = 4;
const STATEMENT: &str = "INSERT INTO steady SELECT n, 'a short text', now() FROM generate_series(1, 4) n";

const KINDS: [Kind; 5] = [
    Kind::Eager,
    Kind::Napping,
    Kind::Feed { debounce: 50 },
    Kind::Feed { debounce: 0 },
    Kind::PgRecvlogical,
];

#[derive(Serialize)]
pub(super) struct Figure {
    plugin: &'static str,
    client: String,
    /// What the writer has achieved, per second.
    changes_per_second: Sample,
    /// Milliseconds of the client's CPU per second.
    client_cpu: Sample,
    /// How often the client waited, per second.
    client_waits: Sample,
    /// Microseconds of the walsender's CPU per change.
    walsender_cpu: Sample,
    /// The same of the client's other sessions.
    others_cpu: Sample,
}

/// One measurement, in the units of [`Figure`].
struct Round {
    changes_per_second: f64,
    client_cpu: f64,
    client_waits: f64,
    walsender_cpu: f64,
    others_cpu: f64,
}

pub(super) async fn run(ground: &Ground, arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for plugin in ground.plugins(arguments.plugin) {
        let mut rounds: [Vec<Round>; KINDS.len()] = Default::default();
        for _ in 0..arguments.rounds {
            for (kind, rounds) in KINDS.iter().zip(&mut rounds) {
                rounds.push(measure(ground, plugin, *kind, arguments.seconds).await?);
            }
        }
        let figure = |(kind, rounds): (&Kind, &Vec<Round>)| Figure::of(plugin, *kind, rounds);
        let measured: Vec<_> = KINDS.iter().zip(&rounds).filter_map(figure).collect();
        println!("\n{}: {TRANSACTIONS_PER_SECOND} transactions/s of {CHANGES} changes\n", plugin.name());
        print(&measured);
        figures.extend(measured);
    }
    draw("live-steady-client", "client CPU, ms per second", &figures, |figure| figure.client_cpu)?;
    draw("live-steady-walsender", "walsender CPU, µs per change", &figures, |figure| figure.walsender_cpu)?;
    Ok(figures)
}

async fn measure(ground: &Ground, plugin: Plugin, kind: Kind, seconds: u32) -> Result<Round, Failure> {
    ground.sql("CREATE TABLE steady (id int, note text, at timestamptz)").await?;
    let transactions = (seconds * TRANSACTIONS_PER_SECOND) as usize;
    let changes = transactions * CHANGES;
    let mut reader = kind.start(ground, plugin, changes).await?;
    let before = reader.used(ground).await?;
    let pace = Pace { transactions, burst: 1, gap: Duration::from_secs(1) / TRANSACTIONS_PER_SECOND };
    let committed = writer::write(ground.superuser_dsn(), STATEMENT, pace).await?;
    reader.has_read(ground, changes).await?;
    let used = reader.used(ground).await? - before;
    reader.stop(ground).await?;
    ground.sql("DROP TABLE steady").await?;
    let (Some(first), Some(last)) = (committed.first(), committed.last()) else {
        return Err(Failure::new("nothing was written"));
    };
    let wall = last.duration_since(*first).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
    let (changes, waits) = (changes as f64, used.client.waits as f64);
    Ok(Round {
        changes_per_second: changes / wall,
        client_cpu: used.client.cpu * 1e3 / wall,
        client_waits: waits / wall,
        walsender_cpu: used.walsender.cpu * 1e6 / changes,
        others_cpu: used.others * 1e6 / changes,
    })
}

impl Figure {
    fn of(plugin: Plugin, kind: Kind, rounds: &[Round]) -> Option<Self> {
        let sample = |figure: fn(&Round) -> f64| Sample::of(rounds.iter().map(figure));
        Some(Self {
            plugin: plugin.name(),
            client: kind.name(),
            changes_per_second: sample(|round| round.changes_per_second)?,
            client_cpu: sample(|round| round.client_cpu)?,
            client_waits: sample(|round| round.client_waits)?,
            walsender_cpu: sample(|round| round.walsender_cpu)?,
            others_cpu: sample(|round| round.others_cpu)?,
        })
    }
}

fn draw(name: &str, axis: &str, figures: &[Figure], value: fn(&Figure) -> Sample) -> Result<(), Failure> {
    let title = format!("Steady load: {TRANSACTIONS_PER_SECOND} transactions/s of {CHANGES} changes");
    let bar = |figure: &Figure| Bar::new(figure.plugin, &figure.client, value(figure));
    Bars { name, title: &title, axis, scale: Scale::Linear }.write(figures.iter().map(bar))
}

fn print(figures: &[Figure]) {
    let mut table = Table::new(&[
        "client",
        "changes/s",
        "client CPU ms/s",
        "min … max",
        "waits/s",
        "walsender CPU µs/change",
        "min … max",
        "other sessions µs/change",
    ]);
    for figure in figures {
        table.row(vec![
            figure.client.clone(),
            figure.changes_per_second.cell(0),
            figure.client_cpu.cell(1),
            figure.client_cpu.range(1),
            figure.client_waits.cell(0),
            figure.walsender_cpu.cell(2),
            figure.walsender_cpu.range(2),
            figure.others_cpu.cell(2),
        ]);
    }
    table.print();
}
