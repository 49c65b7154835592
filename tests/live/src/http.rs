//! HTTP as plainly as it can be spoken, so that what a server does is seen as it is.
//!
//! Event streams are asked for in HTTP/1.0: they then come as they are and end with the connection (RFC 1945).
//! Other answers have a length.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::consumer::{Consumer, PATIENCE};
use crate::evidence::ensure;
use crate::{Failure, Item};

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, in lower case.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

/// Asks for a path, with further header lines.
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub async fn get(server: SocketAddr, path: &str, headers: &[&str]) -> Result<Answer, Failure> {
    send(server, "GET", path, headers, "").await
}

/// Sends a request of any method.
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub async fn send(
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Result<Answer, Failure> {
    let exchange = async {
        let (mut answer, mut connection) = open("1.1", server, method, path, headers, body).await?;
        let length =
            answer.headers.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let mut bytes = Vec::new();
        match length {
            Some(length) => connection.take(length).read_to_end(&mut bytes).await?,
            None => connection.read_to_end(&mut bytes).await?,
        };
        answer.body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(answer)
    };
    timeout(PATIENCE, exchange).await.map_err(|_| Failure::new(format!("no answer to {method} {path}")))?
}

/// Sends a request and reads the head of its answer.
async fn open(
    version: &str,
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Result<(Answer, BufReader<TcpStream>), Failure> {
    let mut connection = TcpStream::connect(server).await?;
    connection.set_nodelay(true)?;
    let more: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let first = format!("{method} {path} HTTP/{version}\r\nHost: {server}\r\nConnection: close");
    let request = format!("{first}\r\nContent-Length: {length}\r\n{more}\r\n{body}");
    connection.write_all(request.as_bytes()).await?;
    // Small: a test may hold thousands of them.
    let mut connection = BufReader::with_capacity(512, connection);
    let (mut status, mut headers) = (None, Vec::new());
    loop {
        let mut line = String::new();
        ensure!(connection.read_line(&mut line).await? > 0, "the server closed the connection");
        let line = line.trim_end();
        match status {
            None => status = Some(line.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)),
            Some(_) if line.is_empty() => break,
            Some(_) => headers.push(line.to_ascii_lowercase()),
        }
    }
    Ok((Answer { status: status.unwrap_or(0), headers, body: String::new() }, connection))
}

/// A stream of Server-Sent Events. Dropping it hangs up.
#[derive(Debug)]
pub struct EventStream {
    connection: BufReader<TcpStream>,
    /// The id of the latest event.
    pub id: String,
}

impl EventStream {
    /// Opens one.
    ///
    /// # Errors
    /// When it is refused: the status.
    pub async fn open(server: SocketAddr, path: &str, headers: &[&str]) -> Result<Self, Failure> {
        let opened = timeout(PATIENCE, open("1.0", server, "GET", path, headers, "")).await;
        let (answer, connection) = opened.map_err(|_| Failure::new("no answer"))??;
        ensure!(answer.status == 200, "{path} was answered with {}", answer.status);
        let kind = answer.headers.iter().any(|line| line == "content-type: text/event-stream");
        ensure!(kind, "no event stream: {:?}", answer.headers);
        Ok(Self { connection, id: String::new() })
    }

    /// The data of the next event; `None` when the server has ended the stream. Heartbeats are skipped.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next_event(&mut self) -> Result<Option<String>, Failure> {
        let mut data = None;
        loop {
            let mut line = String::new();
            if self.connection.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            match line.trim_end().split_once(": ") {
                Some(("data", value)) => data = Some(value.to_owned()),
                Some(("id", value)) => value.clone_into(&mut self.id),
                None if line.trim_end().is_empty() && data.is_some() => return Ok(data),
                _ => {}
            }
        }
    }
}

impl Consumer for EventStream {
    async fn next_item(&mut self) -> Result<Item, Failure> {
        let event = timeout(PATIENCE, self.next_event()).await;
        let event = event.map_err(|_| Failure::new(format!("no event within {PATIENCE:?}")))??;
        Item::from_json(&event.ok_or_else(|| Failure::new("the event stream has ended"))?)
    }
}
