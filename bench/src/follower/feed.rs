//! pgnudge as its users have it, but for the debounce.

use std::time::Duration;

use pgnudge::{Feed, FeedItem, PluginChoice, Reason};

use super::Arguments;
use crate::failure::Failure;

/// Counts for ever. A feed that has counted too much, or has lost its connection, ends.
pub(super) async fn count(arguments: &Arguments) -> Result<(), Failure> {
    let mut feed = connect(arguments).await?;
    let mut counted = 0;
    loop {
        match feed.next().await {
            FeedItem::Resync { reason: Reason::Connected, .. } => println!("ready"),
            FeedItem::Resync { reason, .. } => return Err(Failure::new(format!("a resync: {reason}"))),
            FeedItem::Batch { events, .. } => {
                let before = counted;
                counted += events.iter().map(|event| event.count).sum::<u64>();
                if counted > arguments.changes {
                    return Err(Failure::new(format!("{counted} changes of {}", arguments.changes)));
                }
                if before < counted && counted == arguments.changes {
                    println!("{counted}");
                }
            }
        }
    }
}

/// Takes the first item, and then none.
pub(super) async fn stall(arguments: &Arguments) -> Result<(), Failure> {
    let mut feed = connect(arguments).await?;
    feed.next().await;
    println!("ready");
    std::future::pending().await
}

async fn connect(arguments: &Arguments) -> Result<Feed, Failure> {
    let Arguments { port, database, plugin, debounce, .. } = arguments;
    let target = format!("host=127.0.0.1 port={port} user=nudger dbname={database} sslmode=disable");
    let builder = Feed::builder(target).plugin(PluginChoice::Only(*plugin));
    Ok(builder.debounce(Duration::from_millis(*debounce)).connect().await?)
}
