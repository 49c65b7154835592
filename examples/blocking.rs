//! Prints which tables changed, without async.

use pgnudge::{Feed, FeedItem};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for item in Feed::builder(std::env::var("DATABASE_URL")?).connect_blocking()? {
        match item {
            FeedItem::Resync { reason, .. } => println!("reload everything ({reason})"),
            FeedItem::Batch { events, .. } => println!("reload {}", events[0].table),
        }
    }
    Ok(())
}
