//! `pgnudge watch`: one line per item.

use std::io::{self, ErrorKind, Write};
use std::time::SystemTime;

use pgnudge::{Builder, FeedItem, Status};
use tokio::sync::watch;

use crate::arguments::{Output, WatchArguments};
use crate::failure::Failure;
use crate::item_json::ItemJson;
use crate::item_text::ItemText;
use crate::shutdown;

/// Runs until it is asked to end, stdout is closed, or the feed cannot be had.
pub(crate) async fn run(arguments: WatchArguments) -> Result<(), Failure> {
    let requested = shutdown::requested()?;
    let builder = arguments.feed.builder();
    let status = builder.status();
    tokio::select! {
        result = print_items(builder, arguments.output) => result,
        _ = requested => {
            closed(status).await;
            Ok(())
        }
    }
}

async fn print_items(builder: Builder, output: Output) -> Result<(), Failure> {
    let mut feed = builder.connect().await?;
    loop {
        let item = feed.next().await;
        match print(&item, output) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn print(item: &FeedItem, output: Output) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match output {
        Output::Text => write!(stdout, "{}", ItemText { item, now: SystemTime::now() })?,
        Output::Json => serde_json::to_writer(&mut stdout, &ItemJson::from(item)).map_err(io::Error::from)?,
    }
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Waits until a feed that was dropped has said its goodbyes.
async fn closed(mut status: watch::Receiver<Status>) {
    let goodbye = async { while status.changed().await.is_ok() {} };
    let _ = tokio::time::timeout(shutdown::GRACE, goodbye).await;
}
