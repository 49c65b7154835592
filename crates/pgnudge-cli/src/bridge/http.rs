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
mod events;
mod status;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::bridge::Bridge;
use crate::bridge::arguments::HttpArguments;
use crate::failure::Failure;
use access::{Access, cors};

/// The server, bound and not serving yet. Without `--http` it does nothing.
pub(super) struct Server(Option<(TcpListener, Router)>);

/// What every request can see.
#[derive(Clone)]
struct Web {
    bridge: Arc<Bridge>,
    seats: Arc<Semaphore>,
    max_seats: usize,
    heartbeat: std::time::Duration,
    metrics: PrometheusHandle,
}

impl Server {
    /// Takes the address, so that one that is not free is an error at once.
    pub(super) async fn bind(arguments: &HttpArguments, bridge: &Arc<Bridge>) -> Result<Self, Failure> {
        let Some(address) = arguments.http else { return Ok(Self(None)) };
        let access = Access::new(address, arguments)?;
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::because(format!("cannot listen on {address}: {error}"), "choose another --http address")
        })?;
        let metrics = recorder()
            .map_err(|error| Failure::because(format!("metrics cannot be recorded: {error}"), ""))?;
        let max_seats = arguments.http_max_subscribers.min(Semaphore::MAX_PERMITS);
        let web = Web {
            bridge: Arc::clone(bridge),
            seats: Arc::new(Semaphore::new(max_seats)),
            max_seats,
            heartbeat: arguments.http_heartbeat.max(std::time::Duration::from_millis(1)),
            metrics,
        };
        let router = router(web, access).layer(cors(&arguments.cors_origins)?);
        tracing::info!(address = %listener.local_addr()?, "serving HTTP");
        Ok(Self(Some((listener, router))))
    }

    /// Serves for ever.
    pub(super) async fn serve(self) -> Result<Infallible, Failure> {
        let Some((listener, router)) = self.0 else { return std::future::pending().await };
        // A nudge is a few bytes, and shall not wait for more.
        let listener = listener.tap_io(|socket| {
            let _ = socket.set_nodelay(true);
        });
        axum::serve(listener, router).await?;
        std::future::pending().await
    }
}

fn router(web: Web, access: Access) -> Router {
    let closed = Router::new()
        .route("/events", get(events::stream))
        .route("/status", get(status::stream))
        .route("/metrics", get(metrics_text))
        .layer(middleware::from_fn_with_state(Arc::new(access), access::check));
    // The page itself tells nothing; what it shows it has to ask for.
    Router::new()
        .route("/", get(status::page))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .merge(closed)
        .with_state(web)
}

/// Slots take milliseconds, or as long as the longest transaction.
fn recorder() -> Result<PrometheusHandle, BuildError> {
    let waits = Matcher::Full("pgnudge_slot_wait_seconds".into());
    let seconds = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
    PrometheusBuilder::new().set_buckets_for_metric(waits, &seconds)?.install_recorder()
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

async fn metrics_text(State(web): State<Web>) -> Response {
    let active = web.bridge.stage.term().is_some();
    metrics::gauge!("pgnudge_bridge_active").set(f64::from(u8::from(active)));
    metrics::gauge!("pgnudge_bridge_subscribers").set(web.occupied() as f64);
    web.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], web.metrics.render()).into_response()
}

impl Web {
    /// How many clients hold an event stream.
    fn occupied(&self) -> usize {
        self.max_seats.saturating_sub(self.seats.available_permits())
    }
}
