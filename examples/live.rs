//! Keeps a value that equals a query's answer.

use pgnudge::{Feed, Hub, Live};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let client = &*Box::leak(Box::new(client)); // for as long as the program runs
    let hub = Hub::new(Feed::builder(url).connect().await?);
    let users = Live::builder(&hub).tables(["public.users"]);
    let mut users = users.fetch(|_| client.query("SELECT name FROM public.users", &[])).await?;
    loop {
        println!("{} users", users.get().len());
        users.changed().await.ok_or("the feed is closed")?;
    }
}
