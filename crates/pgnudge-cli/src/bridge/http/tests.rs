//! Clients that do not do their part, over real sockets.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::bridge::http::connections::Connections;

/// Nothing here takes a tenth of it, and nothing depends on it but the end of a test that fails.
const LIMIT: Duration = Duration::from_secs(120);

/// Serves these paths to one client at a time; yields a client's socket, and what is free when there is none.
async fn client_of(router: Router, patience: Duration) -> (TcpStream, Arc<Semaphore>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let free = Arc::new(Semaphore::new(1));
    let connections = Connections { listener, free: Arc::clone(&free), patience };
    tokio::spawn(connections.serve(router));
    (TcpStream::connect(address).await.unwrap(), free)
}

/// Waits until the loop holds the one permit again, which it takes before it accepts: so it has been given back.
async fn until_given_back(free: &Semaphore, client: &TcpStream) {
    let mut second = TcpStream::connect(client.peer_addr().unwrap()).await.unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let answered = async { second.read_u8().await.unwrap() };
    timeout(LIMIT, answered).await.expect("the second client is served when the first is gone");
    assert_eq!(free.available_permits(), 0);
}

#[tokio::test]
async fn what_is_not_a_whole_head_ends_with_its_time() {
    let begun =
        ["", "G", "GET / HTTP/1.1\r\nHost: localhost\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nX: "];
    let ends = begun.map(|sent| async {
        let (mut client, free) = client_of(Router::new().route("/", get(|| async { "" })), LIMIT).await;
        client.write_all(sent.as_bytes()).await.unwrap();
        until_given_back(&free, &client).await;
    });
    futures::future::join_all(ends).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_holds_up_nothing() {
    let (mut client, _) = client_of(Router::new().route("/", get(|| async { "here" })), LIMIT).await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf").await.unwrap();
    let mut answer = Vec::new();
    timeout(LIMIT, client.read_to_end(&mut answer)).await.expect("an end").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"here"));
}

#[tokio::test]
async fn a_connection_serves_one_request() {
    let (mut client, _) = client_of(Router::new().route("/", get(|| async { "here" })), LIMIT).await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(LIMIT, client.read_to_string(&mut answer)).await.expect("an end").unwrap();
    assert!(answer.contains("connection: close") && answer.ends_with("here"), "{answer}");
}

/// A closed window is what the server's kernel sees of a client that has stopped, and like one that has vanished it
/// leaves data behind that is never acknowledged.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_takes_nothing_is_left() {
    let flood = || async {
        Body::from_stream(futures::stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 8192]))))
    };
    let router = Router::new().route("/flood", get(flood)).route("/", get(|| async { "here" }));
    let (mut client, free) = client_of(router, Duration::from_secs(3)).await;
    SockRef::from(&client).set_recv_buffer_size(4096).unwrap();
    client.write_all(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    until_given_back(&free, &client).await;
}

/// What lies in the kernel for a client that does not read is bounded, whatever the system's own limits are.
#[tokio::test]
async fn the_kernel_keeps_little_for_a_client_that_does_not_read() {
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let flood = move || {
        let counter = Arc::clone(&counter);
        let chunks = futures::stream::repeat_with(move || {
            counter.fetch_add(8192, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 8192]))
        });
        async { Body::from_stream(chunks) }
    };
    let router = Router::new().route("/flood", get(flood)).route("/", get(|| async { "here" }));
    let (mut client, free) = client_of(router, Duration::from_secs(3)).await;
    SockRef::from(&client).set_recv_buffer_size(4096).unwrap();
    client.write_all(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    until_given_back(&free, &client).await;
    let sent = sent.load(std::sync::atomic::Ordering::Relaxed);
    assert!(sent < 2 << 20, "{sent} bytes");
}
