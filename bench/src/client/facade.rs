//! pgnudge as its users have it: default knobs (debounce 50 ms, the checks for visibility and for
//! partitions on), and every count added up.

use pgnudge::{Feed, FeedItem, PluginChoice, Reason};
use tokio::net::TcpStream;

use super::Arguments;
use crate::failure::Failure;

pub(super) async fn count(arguments: &Arguments) -> Result<(), Failure> {
    let sslmode = if arguments.tls { "require" } else { "disable" };
    let target = format!("host=127.0.0.1 port={} user=bench dbname=bench sslmode={sslmode}", arguments.port);
    let mut feed = Feed::builder(target).plugin(PluginChoice::Only(arguments.plugin)).connect().await?;
    let mut counted = 0;
    while counted < arguments.changes {
        match feed.next().await {
            // What came before would be part of it: nothing comes before the gate is open.
            FeedItem::Resync { reason: Reason::Connected, .. } => {
                TcpStream::connect(arguments.gate).await?;
            }
            FeedItem::Resync { reason, .. } => return Err(Failure::new(format!("a resync: {reason}"))),
            FeedItem::Batch { events, .. } => counted += events.iter().map(|event| event.count).sum::<u64>(),
        }
    }
    if counted > arguments.changes {
        return Err(Failure::new(format!("{counted} changes of {}", arguments.changes)));
    }
    Ok(())
}
