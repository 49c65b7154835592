//! `options`: what the options of a plugin cost the server, and how many bytes it sends.
//!
//! Everybody decodes the same log: a slot is made before it is written, and copied for each measurement.

use std::process::Stdio;
use std::time::Duration;

use pgnudge::Plugin;
use serde::Serialize;
use tokio::time::sleep;

use super::Arguments;
use super::ground::Ground;
use super::recvlogical::{self, SLOT};
use super::usage::Usage;
use crate::chart::{Bar, Bars, Scale};
use crate::failure::Failure;
use crate::product_options::options_of;
use crate::report::Table;
use crate::sample::Sample;

/// For every second of `--seconds`: 200,000 in ten.
const ROWS_PER_SECOND: u32 = 20_000;
const IN_TRANSACTION: [usize; 2] = [1, 10_000];

/// What is asked otherwise than a feed does: an option without a value is left out.
type Changes = &'static [(&'static str, Option<&'static str>)];

const TEST_DECODING: [(&str, Changes); 3] = [
    ("as a feed asks", &[]),
    ("skip-empty-xacts on", &[("skip-empty-xacts", Some("true"))]),
    ("include-xids off", &[("include-xids", Some("false"))]),
];

const WAL2JSON: [(&str, Changes); 8] = [
    ("as a feed asks", &[]),
    ("include-types on", &[("include-types", Some("true"))]),
    ("include-transaction off", &[("include-transaction", Some("false"))]),
    ("include-xids off", &[("include-xids", Some("false"))]),
    ("add-msg-prefixes left out", &[("add-msg-prefixes", None)]),
    ("add-tables, this one", &[("add-tables", Some("public.narrow"))]),
    ("add-tables, another one", &[("add-tables", Some("public.another"))]),
    (
        "add-tables, another one, include-transaction off",
        &[("add-tables", Some("public.another")), ("include-transaction", Some("false"))],
    ),
];

#[derive(Serialize)]
pub(super) struct Figure {
    plugin: &'static str,
    options: &'static str,
    rows_per_transaction: usize,
    /// Microseconds of the walsender's CPU per row.
    walsender_cpu: Sample,
    /// Bytes that it sends per row, headers of the messages included.
    bytes: f64,
}

pub(super) async fn run(ground: &Ground, arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    let rows = (arguments.seconds * ROWS_PER_SECOND) as usize;
    let mut figures = Vec::new();
    for plugin in ground.plugins(arguments.plugin) {
        for in_transaction in IN_TRANSACTION {
            let rows = rows.next_multiple_of(in_transaction);
            let measured = compare(ground, plugin, rows, in_transaction, arguments.rounds).await?;
            println!("\n{}: {rows} rows, {in_transaction} per transaction\n", plugin.name());
            print(&measured);
            figures.extend(measured);
        }
    }
    draw(&figures)?;
    Ok(figures)
}

async fn compare(
    ground: &Ground,
    plugin: Plugin,
    rows: usize,
    in_transaction: usize,
    rounds: usize,
) -> Result<Vec<Figure>, Failure> {
    let variants: &[(&'static str, Changes)] = match plugin {
        Plugin::TestDecoding => &TEST_DECODING,
        Plugin::Wal2Json => &WAL2JSON,
    };
    ground.sql("CREATE TABLE narrow (id int, note text, at timestamptz)").await?;
    let name = plugin.name();
    ground.query(&format!("SELECT pg_create_logical_replication_slot('origin', '{name}')")).await?;
    ground.sql(&written(rows / in_transaction, in_transaction)).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
    let count = rows as f64;
    let mut cpu = vec![Vec::new(); variants.len()];
    for _ in 0..rounds {
        for ((_, changes), cpu) in variants.iter().zip(&mut cpu) {
            cpu.push(decode(ground, &changed(plugin, changes)).await? * 1e6 / count);
        }
    }
    let mut figures = Vec::new();
    for ((options, changes), cpu) in variants.iter().zip(cpu) {
        let bytes = bytes(ground, &changed(plugin, changes)).await? / count;
        let walsender_cpu = Sample::of(cpu.into_iter()).ok_or_else(|| Failure::new("no rounds"))?;
        figures.push(Figure {
            plugin: name,
            options,
            rows_per_transaction: in_transaction,
            walsender_cpu,
            bytes,
        });
    }
    ground.query("SELECT pg_drop_replication_slot('origin')").await?;
    ground.sql("DROP TABLE narrow").await?;
    Ok(figures)
}

/// The options of a feed, with these changes.
fn changed(plugin: Plugin, changes: Changes) -> Vec<(String, String)> {
    let mut options = options_of(plugin);
    options.retain(|(name, _)| changes.iter().all(|(changed, _)| name != changed));
    let set = changes.iter().filter_map(|&(name, value)| Some((name.to_owned(), value?.to_owned())));
    options.extend(set);
    options
}

/// One statement, so that writing is quick.
fn written(transactions: usize, rows: usize) -> String {
    format!(
        "DO $$ BEGIN FOR n IN 1..{transactions} LOOP
            INSERT INTO narrow SELECT i, 'a short text', now() FROM generate_series(1, {rows}) i;
            COMMIT;
        END LOOP; END $$"
    )
}

/// Seconds of the CPU of a walsender that decodes everything, from its start.
async fn decode(ground: &Ground, options: &[(String, String)]) -> Result<f64, Failure> {
    ground.alone().await?;
    ground.query(&format!("SELECT pg_copy_logical_replication_slot('origin', '{SLOT}')")).await?;
    let program = recvlogical::start(ground, options, "/dev/null", Stdio::null())?;
    let end = ground.mark().await?;
    let walsender = ground.walsender().await?;
    while !ground.has_sent(&walsender, end).await? {
        sleep(Duration::from_millis(5)).await;
    }
    let usage = Usage::of(walsender.pid.unsigned_abs())?;
    recvlogical::stop(ground, program).await?;
    Ok(usage.cpu)
}

/// What is sent: each text is in a message of 30 bytes (CopyData, XLogData).
async fn bytes(ground: &Ground, options: &[(String, String)]) -> Result<f64, Failure> {
    let options: String = options.iter().map(|(name, value)| format!(", '{name}', '{value}'")).collect();
    let peek = format!("pg_logical_slot_peek_changes('origin', NULL, NULL{options})");
    let sum = format!("SELECT coalesce(sum(octet_length(data) + 30), 0) FROM {peek}");
    Ok(ground.query(&sum).await?.parse()?)
}

fn draw(figures: &[Figure]) -> Result<(), Failure> {
    let chart = Bars {
        name: "live-options",
        title: "What the options of the plugins cost the server",
        axis: "walsender CPU, µs per row",
        scale: Scale::Linear,
    };
    chart.write(figures.iter().map(|figure| {
        let group = format!("{}, {} per transaction", figure.plugin, figure.rows_per_transaction);
        Bar::new(&group, figure.options, figure.walsender_cpu)
    }))
}

fn print(figures: &[Figure]) {
    let first = figures.first().map_or(f64::NAN, |figure| figure.walsender_cpu.median);
    let mut table = Table::new(&["options", "walsender CPU µs/row", "min … max", "× a feed's", "bytes/row"]);
    for Figure { options, walsender_cpu, bytes, .. } in figures {
        table.row(vec![
            (*options).to_owned(),
            walsender_cpu.cell(2),
            walsender_cpu.range(2),
            format!("{:.2}", walsender_cpu.median / first),
            format!("{bytes:.0}"),
        ]);
    }
    table.print();
}
