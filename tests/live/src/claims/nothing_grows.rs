//! Hours, in a form that fits into the time that there is: `--minutes` makes it longer.
//!
//! A program and a feed in this process are kept busy, and their connections are ended again and again.
//! Memory is the program's; so are the open files and the threads. The tasks are those of the runtime that
//! the feed lives in.
//!
//! It can fail: with a task leaked per connection; with all bytes that arrive kept in a buffer.

use std::time::{Duration, Instant};

use pgnudge::Feed;
use pgnudge_testkit::{Sender, open_files};
use tokio::runtime::Handle;

use crate::consumer::Consumer;
use crate::evidence::{ensure, evidence};
use crate::load::Load;
use crate::{Claim, Context, Evidence, Failure, Figure, Need, Plugins, Shape, Watch};

pub(super) const CLAIM: Claim = Claim {
    name: "nothing_grows",
    title: "flat over time",
    claim: "Kept busy and reconnected again and again, for as long as one cares to look, a feed holds the same memory, \
            files, threads and tasks as after its first reconnections.",
    falsified_by: "one of them that grows",
    proves: &["R5", "law 3"],
    plugins: Plugins::Each,
    needs: &[Need::ForTests("it writes all the time"), Need::ProcessMemory],
    run: |context| Box::pin(nothing_grows(context)),
};

/// What is held at a moment.
#[derive(Clone, Copy, Debug)]
struct Held {
    seconds: f64,
    /// MB.
    memory: f64,
    files: u32,
    threads: u32,
    tasks: u32,
}

/// What each may have more in the second half than in the first: a page here or there, or a session
/// that is just being made.
const MAY_GROW: [(&str, f64); 4] = [("MB", 2.0), ("files", 0.0), ("threads", 0.0), ("tasks", 2.0)];

impl Held {
    fn figures(self) -> [f64; 4] {
        [self.memory, self.files.into(), self.threads.into(), self.tasks.into()]
    }
}

async fn nothing_grows(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)").await?;
    let mut feed = context.feed().await?;
    let mut watch = context.watch(&[]).await?;
    let load = Load::start(&context.scratch, "INSERT INTO t SELECT FROM generate_series(1, 20)").await?;
    let began = Instant::now();
    let mut held = Vec::new();
    while held.len() < 12 || began.elapsed() < context.effort.lasting(SHORT) {
        reconnect(&context, &mut feed, &mut watch).await?;
        held.push(now(&watch, began)?);
    }
    let rows = 20 * load.stop().await?;
    let (settled, rest) = held.split_at(held.len() / 2);
    let mut told = Vec::new();
    for (number, (name, more)) in MAY_GROW.into_iter().enumerate() {
        // What is held goes up and down a little: the most of each half counts.
        let most = |half: &[Held]| half.iter().map(|held| held.figures()[number]).fold(0.0, f64::max);
        let (early, late) = (most(settled), most(rest));
        ensure!(late <= early + more, "{name}: at most {early} in the first half, {late} in the second");
        told.push(format!("{early:.1} and {late:.1} {name}"));
    }
    let memory = held.iter().map(|held| (held.seconds, held.memory)).collect();
    let figure = Figure::new(
        "Memory over time",
        Shape::Lines,
        ["seconds, reconnected all the time", "resident memory, MB"],
        "What `pgnudge watch` has resident after each of its reconnections under load.",
    );
    let (reconnections, elapsed) = (held.len(), began.elapsed());
    let evidence = evidence!(
        "{elapsed:.0?}, {rows} rows, {reconnections} reconnections; at most in the first and the second half: {}",
        told.join(", "),
    );
    evidence.map(|evidence: Evidence| evidence.drawn(figure.with("pgnudge watch", memory)))
}

/// Ends all connections, and reads up to the Resync of each.
async fn reconnect(context: &Context, feed: &mut Feed, watch: &mut Watch) -> Result<(), Failure> {
    for Sender { pid, .. } in context.scratch.walsenders().await? {
        context.scratch.terminate(pid).await?;
    }
    while feed.next_item().await?.resync_reason() != Some("reconnected") {}
    while watch.next_item().await?.resync_reason() != Some("reconnected") {}
    // What comes behind it is handled too before it is looked at what is held.
    feed.next_item().await?;
    watch.next_item().await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure to show")]
fn now(watch: &Watch, began: Instant) -> Result<Held, Failure> {
    let pid = watch.pid()?;
    Ok(Held {
        seconds: began.elapsed().as_secs_f64(),
        memory: watch.memory()?.resident as f64 / f64::from(1 << 20),
        files: u32::try_from(open_files(pid)?)?,
        threads: u32::try_from(std::fs::read_dir(format!("/proc/{pid}/task"))?.count())?,
        tasks: u32::try_from(Handle::current().metrics().num_alive_tasks())?,
    })
}

const SHORT: Duration = Duration::from_secs(10);
