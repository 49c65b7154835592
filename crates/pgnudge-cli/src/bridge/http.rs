//! The HTTP side: who may come in, and what there is.
//!
//! | path | what |
//! |---|---|
//! | `/events?table=PATTERN` | the items as Server-Sent Events (`events`) |
//! | `/status` | the bridge's state, once a second, as Server-Sent Events (`status`) |
//! | `/` | a page that shows it |
//! | `/metrics` | Prometheus' text |
//! | `/healthz`, `/readyz` | whether the process lives; whether it is active and all its sessions are there |

mod access;
mod connections;
mod events;
mod hosts;
mod limits;
mod metrics;
mod query;
mod seats;
mod status;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::bridge::Bridge;
use crate::bridge::arguments::HttpArguments;
use crate::failure::Failure;
use access::{Access, cors};
use connections::Connections;
use hosts::Hosts;
use limits::Limits;
use metrics::Recorder;
use seats::Seats;
use status::Latest;

/// The server, bound and not serving yet. Without `--http` it does nothing.
pub(super) struct Server(Option<(Connections, Router)>);

/// What every request can see.
#[derive(Clone)]
struct Web {
    bridge: Arc<Bridge>,
    seats: Seats,
    latest: Arc<Latest>,
    metrics: Recorder,
    /// Where the other bridges of the group serve.
    peers: Arc<[String]>,
}

impl Server {
    /// Takes the address, so that one that is not free is an error at once.
    pub(super) async fn bind(arguments: &HttpArguments, bridge: &Arc<Bridge>) -> Result<Self, Failure> {
        let Some(address) = arguments.http else { return Ok(Self(None)) };
        let access = Access::new(address, arguments)?;
        let has_token = access.has_token();
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::because(format!("cannot listen on {address}: {error}"), "choose another --http address")
        })?;
        let metrics = Recorder::install()?;
        let limits = Limits::of_process(arguments.http_max_subscribers)?;
        let heartbeat = arguments.http_heartbeat;
        let seats = Seats::new(limits.streams, heartbeat);
        let peers = arguments.http_peers.as_slice().into();
        let web = Web { bridge: Arc::clone(bridge), seats, latest: Arc::default(), metrics, peers };
        let router = guarded(router(web, access), address, arguments, has_token)?;
        tracing::info!(address = %listener.local_addr()?, "serving HTTP");
        let free = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        let connections = Connections { listener, free, patience: connections::patience(heartbeat) };
        Ok(Self(Some((connections, router))))
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(self) -> Infallible {
        let Some((connections, router)) = self.0 else { return std::future::pending().await };
        connections.serve(router).await
    }
}

/// What holds for every path: pages of which origins may ask, and under which name of this host.
fn guarded(
    router: Router,
    address: SocketAddr,
    arguments: &HttpArguments,
    has_token: bool,
) -> Result<Router, Failure> {
    let router = router.layer(cors(&arguments.cors_origins)?);
    if has_token {
        return Ok(router);
    }
    let hosts = Hosts { bound: address.ip(), listed: arguments.http_hosts.clone() };
    Ok(router.layer(middleware::from_fn_with_state(Arc::new(hosts), hosts::check)))
}

fn router(web: Web, access: Access) -> Router {
    let closed = Router::new()
        .route("/events", get(events::stream))
        .route("/status", get(status::stream))
        .route("/metrics", get(metrics::text))
        .layer(middleware::from_fn_with_state(Arc::new(access), access::check));
    // The page itself tells nothing; what it shows it has to ask for.
    Router::new()
        .route("/", get(status::page))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .merge(closed)
        .layer(middleware::from_fn(metrics::count))
        .with_state(web)
}

/// Whether whoever listens here is told everything.
async fn ready(State(web): State<Web>) -> Response {
    let role = web.bridge.stage.role();
    let word = role.word();
    match &web.bridge.notifier {
        _ if word != "streaming" => (StatusCode::SERVICE_UNAVAILABLE, format!("{word}\n")).into_response(),
        Some(notifier) if !notifier.is_connected() => {
            (StatusCode::SERVICE_UNAVAILABLE, "notify session is away\n").into_response()
        }
        _ => "streaming\n".into_response(),
    }
}
