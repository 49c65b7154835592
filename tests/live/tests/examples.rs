//! The examples, each against a real server.

use std::time::Duration;

use pgnudge_live::example::{self, ALL, CHANGE, Example, TABLE};
use pgnudge_live::http::EventStream;
use pgnudge_live::{Consumer, Failure};
use pgnudge_testkit::{Program, Scratch, Server};
use tokio::process::Command;

#[tokio::test]
async fn every_example_does_what_it_says() {
    example::build().unwrap();
    let server = Server::find().await.unwrap();
    for example in &ALL {
        let scratch = server.scratch("example").await.unwrap();
        scratch.sql(TABLE).await.unwrap();
        run(example, &scratch).await.unwrap_or_else(|failure| panic!("{}: {failure}", example.name));
    }
}

async fn run(example: &Example, scratch: &Scratch) -> Result<(), Failure> {
    let mut command = Command::from(example.command(scratch)?);
    let mut program = Program::start(command.env("ADDRESS", "127.0.0.1:0"))?;
    if example.name == "codec" {
        // It prints nothing before the first change, and hears nothing of one before its slot.
        while scratch.slots().await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        scratch.sql(CHANGE).await?;
    }
    let first = program.next_line(LIMIT).await?;
    assert!(first.contains(example.first), "{}: {first}", example.name);
    if example.name == "sse" {
        return stream(&first, scratch).await;
    }
    let Some(then) = example.then else { return Ok(()) };
    if example.name != "codec" {
        scratch.sql(CHANGE).await?;
    }
    let mut line = program.next_line(LIMIT).await?;
    while !line.contains(then) {
        line = program.next_line(LIMIT).await?;
    }
    Ok(())
}

/// What a browser would see.
async fn stream(line: &str, scratch: &Scratch) -> Result<(), Failure> {
    let address = line.rsplit("//").next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let mut events = EventStream::open(address.parse()?, "/events", &[]).await?;
    events.resync("connected").await?;
    scratch.sql(CHANGE).await?;
    let told = events.next_event().await?.unwrap_or_default();
    assert!(told.contains("public.users"), "{told}");
    Ok(())
}

const LIMIT: Duration = Duration::from_secs(30);
