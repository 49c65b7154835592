//! `pgnudge healthcheck`: asks a bridge on this host how it is, where there is no curl, as in a container.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use clap::Args;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::arguments::duration;
use crate::bridge::address;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArguments {
    /// Where the bridge serves: its own --http
    #[arg(long, value_name = "ADDR", value_parser = address)]
    http: SocketAddr,
    /// Ask whether it streams (/readyz), and not whether it lives (/healthz): a bridge that waits for the lock of
    /// --ha is not ready
    #[arg(long)]
    ready: bool,
    /// Wait for the answer this long
    #[arg(long = "answer-timeout", value_name = "TIME", value_parser = duration, default_value = "5s")]
    patience: Duration,
}

/// Prints the bridge's word. Fails unless that is a good one.
pub(crate) async fn run(arguments: &HealthcheckArguments) -> Result<(), Failure> {
    let path = if arguments.ready { "/readyz" } else { "/healthz" };
    let address = reachable(arguments.http);
    let failed = |why: String| {
        let remedy = "see that pgnudge bridge runs with this --http; its log tells more";
        Failure::because(format!("http://{address}{path}: {why}"), remedy)
    };
    let answered = timeout(arguments.patience, ask(address, path)).await;
    let late = |_| failed(format!("no answer within {:?}", arguments.patience));
    let (status, word) = answered.map_err(late)?.map_err(|error| failed(error.to_string()))?;
    if status != StatusCode::OK {
        return Err(failed(format!("{status}, {}", word.trim_end())));
    }
    Ok(std::io::stdout().write_all(word.as_bytes())?)
}

/// A server on all addresses is on this one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address {
        SocketAddr::V4(_) if address.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) if address.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => address.ip(),
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(address: SocketAddr, path: &str) -> Result<(StatusCode, String), Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(header::HOST, address.to_string()).body(Body::empty())?;
    let answered = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let word = to_bytes(Body::new(body), LONGEST).await?;
        Ok((head.status, String::from_utf8_lossy(&word).into_owned()))
    };
    tokio::pin!(answered);
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        _ = connection => answered.await,
    }
}

/// Bytes of an answer: a word, or a sentence.
const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_on_all_addresses_is_asked_on_this_host() {
        for (given, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.1:80", "10.0.0.1:80")]
        {
            assert_eq!(reachable(given.parse().unwrap()).to_string(), asked);
        }
    }
}
