//! `GET /metrics`: the figures of the feed, of the bridge and of the process, as Prometheus' text.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::bridge::http::Web;
use crate::failure::Failure;

/// Where all figures go.
#[derive(Clone)]
pub(super) struct Recorder {
    figures: PrometheusHandle,
    process: metrics_process::Collector,
}

impl Recorder {
    /// Takes the figures of the process from now on. There is one.
    pub(super) fn install() -> Result<Self, Failure> {
        let failed = |error: BuildError| Failure::because(format!("metrics cannot be recorded: {error}"), "");
        let recorder = builder().map_err(failed)?.install_recorder().map_err(failed)?;
        let process = metrics_process::Collector::default();
        process.describe();
        describe();
        Ok(Self { figures: recorder, process })
    }
}

/// Slots take milliseconds, or as long as the longest transaction; an item takes the window, or as long as a standby
/// is waited for.
fn builder() -> Result<PrometheusBuilder, BuildError> {
    let full = |name: &str| Matcher::Full(name.into());
    let waits = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
    let delivery = [0.001, 0.005, 0.02, 0.06, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(full("pgnudge_slot_wait_seconds"), &waits)?
        .set_buckets_for_metric(full("pgnudge_delivery_seconds"), &delivery)
}

/// What the bridge adds to the metrics of a feed; counters are there before they count.
fn describe() {
    describe_gauge!("pgnudge_build_info", "1; the label says which version this is.");
    describe_gauge!("pgnudge_bridge_active", "Whether this bridge has a feed that streams.");
    describe_gauge!("pgnudge_bridge_subscribers", "Event streams that are open.");
    describe_gauge!("pgnudge_bridge_max_subscribers", "Event streams that there may be.");
    describe_counter!("pgnudge_bridge_notifications_total", "Payloads that the server took with NOTIFY.");
    describe_counter!("pgnudge_bridge_notify_gaps_total", "Sessions for NOTIFY that were lost.");
    describe_counter!(
        "pgnudge_bridge_http_requests_total",
        "Requests that were answered, by path and status."
    );
    gauge!("pgnudge_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    counter!("pgnudge_bridge_notifications_total").increment(0);
    counter!("pgnudge_bridge_notify_gaps_total").increment(0);
}

/// Counts a request when its answer begins. A path that is none of ours has no label of its own: whoever asks could
/// make any number of them.
pub(super) async fn count(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("other", |path| path.as_str()).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_str().to_owned();
    counter!("pgnudge_bridge_http_requests_total", "path" => path, "status" => status).increment(1);
    response
}

pub(super) async fn text(State(web): State<Web>) -> Response {
    let active = web.bridge.stage.role().word() == "streaming";
    gauge!("pgnudge_bridge_active").set(f64::from(u8::from(active)));
    gauge!("pgnudge_bridge_subscribers").set(web.seats.occupied() as f64);
    gauge!("pgnudge_bridge_max_subscribers").set(web.seats.max() as f64);
    web.metrics.process.collect();
    web.metrics.figures.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], web.metrics.figures.render()).into_response()
}
