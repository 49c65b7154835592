//! Tells browsers which tables changed: `curl -N http://127.0.0.1:3000/events`.

use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures::{Stream, StreamExt};
use pgnudge::{Feed, Hub};

async fn events(State(hub): State<Hub>) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let items = hub.subscription().subscribe().expect("the defaults are no mistake");
    Sse::new(items.map(|item| Event::default().json_data(item)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builder = Feed::builder(std::env::var("DATABASE_URL")?).debounce(Duration::ZERO);
    let hub = Hub::new(builder.connect().await?);
    let app = axum::Router::new().route("/events", get(events)).with_state(hub.clone());
    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening at http://{}/events", listener.local_addr()?);
    let stop = async move {
        let _ = tokio::signal::ctrl_c().await;
        hub.close(); // the event streams end, and so the server
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(stop).await?)
}
