//! The course of the demo: tables, consumer, workload, kill.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pgnudge_live::{Consumer, Failure, Item, Watch};
use pgnudge_testkit::tokio_postgres::Client;
use pgnudge_testkit::{Scratch, Server, Signal, wait_until};
use tokio::time::sleep;

use crate::screen::Screen;
use crate::step::{STEPS, Step, TABLES};

/// Runs it all. The database goes when this returns.
pub(crate) async fn run(screen: &Screen, server: &Server) -> Result<(), Failure> {
    let scratch = server.scratch("demo").await?;
    scratch.sql(TABLES).await?;
    let dsn = scratch.dsn();
    screen.command(&format!("pgnudge watch --output json --edge leading {}", without_password(&dsn)));
    let asked = Instant::now();
    let mut consumer = Watch::start(["--edge", "leading", dsn.as_str()])?;
    let first = consumer.resync("connected").await?;
    screen.item(
        asked.elapsed(),
        &first,
        "after its start; load everything once, from here nothing is missed",
    );
    let workload = scratch.connect().await?;
    for step in &STEPS {
        // A reader follows more easily; and after a quiet spell a change is told at once.
        sleep(Duration::from_millis(250)).await;
        screen.step(step);
        perform(screen, step, &workload, &mut consumer).await?;
    }
    kill(screen, &scratch, &consumer).await
}

/// Commits, and shows what the consumer is told meanwhile, until it is all told.
async fn perform(
    screen: &Screen,
    step: &Step,
    workload: &Client,
    consumer: &mut Watch,
) -> Result<(), Failure> {
    let commits = RefCell::new(Vec::new());
    let work = async {
        for _ in 0..step.times {
            let before = step.statements.join("; ");
            workload.batch_execute(&format!("BEGIN; {before}")).await?;
            commits.borrow_mut().push(Instant::now());
            workload.batch_execute("COMMIT").await?;
        }
        Ok::<(), Failure>(())
    };
    let told = listen(screen, step, &commits, consumer);
    tokio::try_join!(work, told)?;
    Ok(())
}

/// Takes items until they add up to the step. The time shown is that of the first commit in an item.
async fn listen(
    screen: &Screen,
    step: &Step,
    commits: &RefCell<Vec<Instant>>,
    consumer: &mut Watch,
) -> Result<(), Failure> {
    let times = u64::from(step.times);
    let mut missing: BTreeMap<_, _> = step.changes.iter().map(|(table, n)| (*table, n * times)).collect();
    let mut told = 0;
    while missing.values().any(|rows| *rows > 0) {
        let item = consumer.next_item().await?;
        let arrived = Instant::now();
        let commit = told / step.changes.iter().map(|(_, rows)| rows).sum::<u64>();
        let began = commits.borrow().get(usize::try_from(commit)?).copied();
        let began = began.ok_or_else(|| Failure::new(format!("{item:?} came before its commit")))?;
        told += settle(&mut missing, &item)?;
        screen.item(arrived - began, &item, "");
    }
    Ok(())
}

/// Takes an item's counts off what is missing, and returns their sum.
fn settle(missing: &mut BTreeMap<&str, u64>, item: &Item) -> Result<u64, Failure> {
    if let Some(reason) = item.resync_reason() {
        return Err(Failure::new(format!(
            "the consumer was told to resync ({reason}), and nothing had happened"
        )));
    }
    for change in item.changes() {
        let rows = missing.get(change.payload.as_str()).and_then(|rows| rows.checked_sub(change.count));
        let Some(rows) = rows else {
            return Err(Failure::new(format!(
                "of {} more rows were told than changed: {item:?}",
                change.payload
            )));
        };
        if let Some(missing) = missing.get_mut(change.payload.as_str()) {
            *missing = rows;
        }
    }
    Ok(item.changes().iter().map(|change| change.count).sum())
}

/// Shows the one thing that is on the server, kills the consumer, and shows that it is gone.
async fn kill(screen: &Screen, scratch: &Scratch, consumer: &Watch) -> Result<(), Failure> {
    let slots = scratch.slots().await?;
    let [slot] = &slots[..] else {
        return Err(Failure::new(format!("the server should have one slot, and has {slots:?}")));
    };
    screen.heading("kill -9 of the consumer.");
    screen.fact(&format!("pg_replication_slots before: {}, temporary: {}", slot.name, slot.temporary));
    let killed = Instant::now();
    consumer.signal(Signal::Kill)?;
    let what = "pg_replication_slots is empty";
    wait_until(what, Duration::from_secs(5), async || scratch.slots().await, Vec::is_empty).await?;
    screen.fact(&format!("pg_replication_slots after:  0 rows, {}", Screen::milliseconds(killed.elapsed())));
    Ok(())
}

fn without_password(dsn: &str) -> String {
    dsn.replacen("nudger:nudger@", "nudger@", 1)
}
