//! Refetches from a replica: not before it has replayed what the item tells of.

use std::time::Duration;

use pgnudge::{Feed, Lsn};
use tokio_postgres::{Client, NoTls};

/// Waits until the replica has the position. (A server that is no replica has it.)
async fn has_replayed(replica: &Client, lsn: Lsn) -> Result<(), tokio_postgres::Error> {
    let sql = format!("SELECT coalesce(pg_last_wal_replay_lsn() >= '{lsn}', true)");
    while !replica.query_one(&sql, &[]).await?.get::<_, bool>(0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    let replica_url = std::env::var("REPLICA_URL").unwrap_or_else(|_| url.clone());
    let (replica, connection) = tokio_postgres::connect(&replica_url, NoTls).await?;
    tokio::spawn(connection);
    let mut feed = Feed::builder(url).tables(["public.users"]).connect().await?;
    loop {
        has_replayed(&replica, feed.next().await.lsn()).await?;
        let count: i64 = replica.query_one("SELECT count(*) FROM public.users", &[]).await?.get(0);
        println!("{count} users");
    }
}
