//! `feeds`: what many idle feeds of one process cost: memory, CPU, and how often they wake it.
//!
//! The feeds are a process of their own, on a runtime of one thread. Their servers are scripted ones of
//! this process that say nothing of their own accord and answer who asks.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use pgnudge::{Feed, Plugin, PluginChoice};
use pgnudge_testkit::{FrontendMessage, Memory, Walsender, open_files};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::failure::Failure;
use crate::report::{self, Table};
use crate::stream::Stream;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many
    #[arg(long, default_value_t = 1000)]
    feeds: u32,
    /// For how long they are watched
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

#[derive(clap::Args)]
pub(crate) struct Holder {
    port: u16,
    feeds: u32,
    seconds: u32,
}

/// What a process with idle feeds has told of itself.
#[derive(Deserialize, Serialize)]
struct Held {
    feeds: u32,
    /// Resident memory with the first feed.
    first_bytes: u64,
    /// And with all of them, after a while.
    all_bytes: u64,
    /// Sockets and other open files.
    open_files: usize,
    seconds: u32,
    /// CPU in these seconds.
    cpu_micros: i64,
    /// How often the process waited, and was woken.
    waits: i64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let held = crate::runtime()?.block_on(measure(arguments))?;
    print(&held);
    report::write_json("feeds", &held)
}

async fn measure(arguments: &Arguments) -> Result<Held, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut holder = tokio::process::Command::new(std::env::current_exe()?);
    let figures = [u32::from(listener.local_addr()?.port()), arguments.feeds, arguments.seconds];
    holder.arg("hold").args(figures.map(|figure| figure.to_string()));
    let holder = holder.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let serve = async {
        loop {
            let (socket, _) = listener.accept().await?;
            tokio::spawn(idle(socket));
        }
    };
    let output = tokio::select! {
        output = holder.wait_with_output() => output?,
        failed = serve => return failed,
    };
    if !output.status.success() {
        return Err(Failure::new("the process with the feeds failed"));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A server on which nothing happens.
async fn idle(socket: TcpStream) -> Result<(), Failure> {
    let mut walsender = Walsender::new(socket).answering_feeds();
    walsender.stream_from(Stream::START).await?;
    loop {
        if let FrontendMessage::Status(status) = walsender.next().await?
            && status.reply_requested
        {
            walsender.send_keepalive(Stream::START, false).await?;
        }
    }
}

/// The process with the feeds. It prints what it finds.
pub(crate) fn hold(arguments: &Holder) -> Result<(), Failure> {
    let held = crate::runtime()?.block_on(holding(arguments))?;
    println!("{}", serde_json::to_string(&held)?);
    Ok(())
}

async fn holding(&Holder { port, feeds, seconds }: &Holder) -> Result<Held, Failure> {
    let mut consumers = vec![tokio::spawn(idle_feed(port).await?)];
    let first = Memory::of(std::process::id())?;
    for _ in 1..feeds {
        consumers.push(tokio::spawn(idle_feed(port).await?));
    }
    // What follows the beginning of a stream is over then.
    sleep(SETTLING).await;
    let before = getrusage(UsageWho::RUSAGE_SELF)?;
    sleep(Duration::from_secs(seconds.into())).await;
    let after = getrusage(UsageWho::RUSAGE_SELF)?;
    if consumers.iter().any(tokio::task::JoinHandle::is_finished) {
        return Err(Failure::new("a feed has lost its connection"));
    }
    let cpu = |usage: &Usage| usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Held {
        feeds,
        first_bytes: first.resident,
        all_bytes: Memory::of(std::process::id())?.resident,
        open_files: open_files(std::process::id())?,
        seconds,
        cpu_micros: cpu(&after) - cpu(&before),
        waits: after.voluntary_context_switches() - before.voluntary_context_switches(),
    })
}

/// A feed that has told that it is live, and somebody who waits for what comes next.
async fn idle_feed(port: u16) -> Result<impl Future<Output = ()>, Failure> {
    let target = format!("host=127.0.0.1 port={port} user=bench dbname=bench sslmode=disable");
    let choice = PluginChoice::Only(Plugin::TestDecoding);
    let mut feed = Feed::builder(target).plugin(choice).connect().await?;
    feed.next().await;
    Ok(async move { drop(feed.next().await) })
}

/// Longer than it takes a feed to come down to one status per interval.
const SETTLING: Duration = Duration::from_secs(25);

fn print(held: &Held) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
    let per_second = |figure: i64| figure as f64 / f64::from(held.seconds);
    let more = u64::from(held.feeds.saturating_sub(1)).max(1);
    let mut table =
        Table::new(&["idle feeds", "MB with one", "MB with all", "KB per feed", "CPU", "wakeups/s"]);
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
    let mb = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    table.row(vec![
        held.feeds.to_string(),
        mb(held.first_bytes),
        mb(held.all_bytes),
        (held.all_bytes.saturating_sub(held.first_bytes) / more / 1000).to_string(),
        format!("{:.2} %", per_second(held.cpu_micros) / 1e4),
        format!("{:.1}", per_second(held.waits)),
    ]);
    table.print();
}
