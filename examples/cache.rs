//! A cache that loads on a miss, and is never stale.

use pgnudge::{Epochs, Feed, TableName};
use std::{collections::HashMap, sync::Mutex};

struct Users {
    names: Mutex<HashMap<i32, String>>,
    epochs: Epochs,
}

impl Users {
    async fn name(&self, id: i32, db: &tokio_postgres::Client) -> Result<String, tokio_postgres::Error> {
        if let Some(name) = self.names.lock().unwrap().get(&id) {
            return Ok(name.clone());
        }
        let epoch = self.epochs.row(&TableName::new("public", "users"), id); // before the database is asked
        let name: String = db.query_one("SELECT name FROM public.users WHERE id = $1", &[&id]).await?.get(0);
        self.epochs.insert(epoch, || self.names.lock().unwrap().insert(id, name.clone()));
        Ok(name)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL")?;
    let (db, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    let users = Users { names: Mutex::default(), epochs: Epochs::new() };
    let mut feed = Feed::builder(url).tables(["public.users"]).connect().await?;
    loop {
        users.epochs.advance(&feed.next().await); // first
        users.names.lock().unwrap().clear();
        println!("user 1 is called {}", users.name(1, &db).await?);
    }
}
