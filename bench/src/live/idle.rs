//! `idle`: a feed on a server where nothing happens.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pgnudge::Plugin;
use serde::Serialize;
use tokio::time::sleep;

use super::Arguments;
use super::ground::Ground;
use super::reader::Kind;
use crate::failure::Failure;
use crate::report::Table;

/// For every second of `--seconds`: a minute by default.
const SECONDS: u32 = 6;
/// What comes right after connecting is over by then: the statuses that follow activity.
const SETTLED: Duration = Duration::from_secs(5);
/// Between two looks at the time of the last status. Statuses of an idle feed are further apart.
const LOOK: Duration = Duration::from_millis(100);

const KINDS: [Kind; 2] = [Kind::Feed { debounce: 50 }, Kind::PgRecvlogical];

#[derive(Serialize)]
pub(super) struct Figure {
    plugin: &'static str,
    client: String,
    seconds: f64,
    /// Milliseconds of the client's CPU, in all.
    client_cpu: f64,
    /// How often the client waited: each time it was woken before.
    client_waits: u64,
    /// Milliseconds of the walsender's CPU, in all.
    walsender_cpu: f64,
    /// Statuses that the server got.
    statuses: usize,
}

pub(super) async fn run(ground: &Ground, arguments: &Arguments) -> Result<Vec<Figure>, Failure> {
    let wait = Duration::from_secs((arguments.seconds * SECONDS).into());
    let mut figures = Vec::new();
    for plugin in ground.plugins(arguments.plugin) {
        for kind in KINDS {
            figures.push(measure(ground, plugin, kind, wait).await?);
        }
    }
    println!("\nidle for {} s\n", wait.as_secs());
    print(&figures);
    Ok(figures)
}

/// Looking goes over a session of its own and changes nothing, so the walsender has nothing to do.
async fn measure(ground: &Ground, plugin: Plugin, kind: Kind, wait: Duration) -> Result<Figure, Failure> {
    let reader = kind.start(ground, plugin, 1).await?;
    sleep(SETTLED).await;
    let (before, started) = (reader.used(ground).await?, Instant::now());
    let look = format!("SELECT reply_time FROM pg_stat_replication WHERE pid = {}", reader.walsender().pid);
    let mut replies = BTreeSet::from([ground.query(&look).await?]);
    while started.elapsed() < wait {
        sleep(LOOK).await;
        replies.insert(ground.query(&look).await?);
    }
    let used = reader.used(ground).await? - before;
    let seconds = started.elapsed().as_secs_f64();
    reader.stop(ground).await?;
    Ok(Figure {
        plugin: plugin.name(),
        client: kind.name(),
        seconds,
        client_cpu: used.client.cpu * 1e3,
        client_waits: used.client.waits,
        walsender_cpu: used.walsender.cpu * 1e3,
        statuses: replies.len() - 1,
    })
}

fn print(figures: &[Figure]) {
    let mut table = Table::new(&["client", "CPU ms", "waits/s", "statuses/s", "walsender CPU ms"]);
    for figure in figures {
        #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
        let [waits, statuses] = [figure.client_waits as f64, figure.statuses as f64];
        table.row(vec![
            format!("{}, {}", figure.client, figure.plugin),
            format!("{:.2}", figure.client_cpu),
            format!("{:.2}", waits / figure.seconds),
            format!("{:.2}", statuses / figure.seconds),
            format!("{:.2}", figure.walsender_cpu),
        ]);
    }
    table.print();
}
