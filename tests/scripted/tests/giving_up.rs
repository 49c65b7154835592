//! A connection that is tried for a while only.

use std::time::Duration;

use pgnudge::{ErrorKind, Feed};

/// Nothing listens on port 1 of this host. No time is measured.
#[tokio::test]
async fn what_is_given_up_says_where_and_why() {
    let feed = Feed::builder("host=127.0.0.1 port=1 user=u dbname=d").backoff(MS, MS).give_up_after(300 * MS);
    let error = feed.connect().await.err().map(|error| (error.kind(), error.to_string()));
    let (kind, words) = error.unwrap_or((ErrorKind::Config, String::new()));
    assert_eq!(kind, ErrorKind::Network, "{words}");
    assert!(words.starts_with("given up after 300ms: 127.0.0.1:1"), "{words}");
}

const MS: Duration = Duration::from_millis(1);
