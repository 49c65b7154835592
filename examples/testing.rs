//! A program's own code under test, without a database: real items, on a clock that does not make anyone wait.

use pgnudge::{Feed, FeedItem, testing};

/// What is tested: how many tables have to be reloaded.
async fn to_reload(feed: &mut Feed) -> Option<usize> {
    match feed.next().await {
        FeedItem::Resync { .. } => None,
        FeedItem::Batch { events, .. } => Some(events.len()),
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let (db, mut feed) = testing::feed();
    assert_eq!(to_reload(&mut feed).await, None, "the first item is a Resync");
    db.changed("public.users", 3);
    db.changed("public.orders", 1);
    assert_eq!(to_reload(&mut feed).await, Some(2), "both are in one window");
    db.reconnect();
    assert_eq!(to_reload(&mut feed).await, None, "what was in between is not known");
    println!("all is well");
}
