//! `reconnect`: from when the server ends the walsender until the feed says "reload everything".

use std::time::{Duration, Instant};

use pgnudge::{Feed, FeedItem, Plugin, PluginChoice};
use serde::Serialize;
use tokio::time::sleep;

use super::Arguments;
use super::ground::Ground;
use crate::failure::Failure;
use crate::percentiles::Percentiles;
use crate::report::Table;

/// For every second of `--seconds`: twenty times by default.
const TIMES_PER_SECOND: u32 = 2;
/// A connection that has streamed for five seconds is a healthy one. One that ends earlier makes the pauses
/// longer, and those of a server that is in trouble are not what is measured here.
const HEALTHY: Duration = Duration::from_millis(5_500);

#[derive(Serialize)]
pub(super) struct Figure {
    plugin: &'static str,
    /// In milliseconds.
    reconnect: Percentiles,
    times: u32,
}

pub(super) async fn run(ground: &Ground, arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    let times = arguments.seconds * TIMES_PER_SECOND;
    let mut figures = Vec::new();
    for plugin in ground.plugins(arguments.plugin) {
        let figure = |reconnect| Figure { plugin: plugin.name(), reconnect, times };
        figures.extend(Percentiles::of(measure(ground, plugin, times).await?).map(figure));
    }
    println!("\nms from pg_terminate_backend to the Resync, {times} times\n");
    print(&figures);
    Ok(figures)
}

async fn measure(ground: &Ground, plugin: Plugin, times: u32) -> Result<Vec<f64>, Failure> {
    ground.alone().await?;
    let mut feed = Feed::builder(ground.dsn()).plugin(PluginChoice::Only(plugin)).connect().await?;
    feed.next().await;
    let mut took = Vec::new();
    for _ in 0..times {
        sleep(HEALTHY).await;
        let walsender = ground.walsender().await?;
        let started = Instant::now();
        ground.query(&format!("SELECT pg_terminate_backend({})", walsender.pid)).await?;
        match feed.next().await {
            FeedItem::Resync { .. } => took.push(started.elapsed().as_secs_f64() * 1e3),
            other @ FeedItem::Batch { .. } => return Err(Failure::new(format!("no resync but {other:?}"))),
        }
    }
    drop(feed);
    ground.alone().await?;
    Ok(took)
}

fn print(figures: &[Figure]) {
    let mut table = Table::new(&["plugin", "p50", "p90", "p99", "max"]);
    for Figure { plugin, reconnect, .. } in figures {
        table.row([(*plugin).to_owned()].into_iter().chain(reconnect.cells(1)).collect());
    }
    table.print();
}
