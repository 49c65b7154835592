//! Prints which tables changed.

use pgnudge::{Feed, FeedItem};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut feed = Feed::builder(std::env::var("DATABASE_URL")?).connect().await?;
    loop {
        match feed.next().await {
            FeedItem::Resync { reason, .. } => println!("reload everything ({reason})"),
            FeedItem::Batch { events, .. } => {
                events.iter().for_each(|event| println!("reload {} ({} rows)", event.table, event.count));
            }
        }
    }
}
