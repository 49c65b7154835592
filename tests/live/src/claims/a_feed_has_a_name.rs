//! The name of a feed: for those who have several.
//!
//! Seen to fail: with the name left out of each of the three.

use crate::evidence::{ensure, evidence};
use crate::http;
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_feed_has_a_name",
    title: "Feeds with names",
    claim: "A feed with a name has it in its log, as a label of its metrics, and behind the \
            application_name that the server shows; a name that nobody can see is refused.",
    falsified_by: "a log, a metric or a row of pg_stat_activity without the name",
    proves: &["R1"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(a_feed_has_a_name(context)),
};

async fn a_feed_has_a_name(context: Context) -> Result<Evidence, Failure> {
    let bridge = context.bridge(&["--name=orders"]).await?;
    bridge.ready().await?;
    let metrics = http::get(bridge.address(), "/metrics", &[]).await?.body;
    let line = "pgnudge_state{feed=\"orders\",state=\"streaming\"} 1";
    ensure!(metrics.lines().any(|found| found == line), "no {line} in {metrics}");
    let log = bridge.stderr();
    let streaming = log.lines().find(|line| line.contains(" streaming")).unwrap_or_default();
    ensure!(streaming.contains("orders"), "no name in {log}");
    let sessions = "SELECT count(*) FROM pg_stat_activity \
                    WHERE application_name = 'pgnudge:orders' AND datname = current_database()";
    let sessions = context.scratch.query_one_text(sessions).await?;
    ensure!(sessions != "0", "no session is called pgnudge:orders");
    let refused = context.builder().name("a\u{202e}b").check();
    ensure!(refused.is_err(), "a name that cannot be seen is taken");
    evidence!("{line}; {sessions} sessions called pgnudge:orders")
}
