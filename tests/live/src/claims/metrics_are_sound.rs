//! What Prometheus reads, judged by its own tool.
//!
//! Seen to fail: with a metric without HELP, and with an alarm on each bridge in place of one on the group.

use crate::consumer::Consumer;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, http, promtool};

pub(super) const CLAIM: Claim = Claim {
    name: "metrics_are_sound",
    title: "metrics and alerts",
    claim: "promtool finds no fault in the metrics of a bridge, in the alert rules, and in what these say of groups of \
            bridges; requests and the time of a delivery are measured.",
    falsified_by: "a fault that promtool finds, or a figure that is missing",
    proves: &["R3"],
    plugins: Plugins::Auto,
    needs: &[Need::Promtool],
    run: |context| Box::pin(metrics_are_sound(context)),
};

async fn metrics_are_sound(context: Context) -> Result<Evidence, Failure> {
    context.sql("CREATE TABLE t (id int)").await?;
    let bridge = context.bridge(&["--notify=nudge"]).await?;
    bridge.ready().await?;
    let mut stream = bridge.events("").await?;
    stream.resync("connected").await?;
    context.sql("INSERT INTO t VALUES (1)").await?;
    stream.next_item().await?;
    http::get(bridge.address(), "/nowhere", &[]).await?;
    let metrics = http::get(bridge.address(), "/metrics", &[]).await?.body;
    for line in [
        "pgnudge_delivery_seconds_count 1",
        "pgnudge_bridge_http_requests_total{path=\"/events\",status=\"200\"} 1",
        "pgnudge_bridge_http_requests_total{path=\"other\",status=\"404\"} 1",
        "process_threads ",
    ] {
        ensure!(metrics.lines().any(|found| found.starts_with(line)), "no {line} in {metrics}");
    }
    promtool::approves(&["check", "metrics"], &metrics)?;
    promtool::approves(&["check", "rules", "pgnudge.rules.yml"], "")?;
    promtool::approves(&["test", "rules", "pgnudge.rules.test.yml"], "")?;
    evidence!("{} lines of metrics, the rules and their tests", metrics.lines().count())
}
