//! Several hosts, of which the first does not answer.
//!
//! It can fail: with only the first route tried, the feed never connects.

use std::net::{Ipv4Addr, TcpListener};

use pgnudge::Feed;

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Watch};

pub(super) const CLAIM: Claim = Claim {
    name: "a_host_that_is_down_is_passed_over",
    title: "several hosts",
    claim: "Of several hosts, in key=value text as in a URI, the first one that can be reached is taken, at the \
            first attempt.",
    falsified_by: "a failed attempt, or none that succeeds",
    proves: &["law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::OwnCluster],
    run: |context| Box::pin(a_host_that_is_down_is_passed_over(context)),
};

async fn a_host_that_is_down_is_passed_over(context: Context) -> Result<Evidence, Failure> {
    let (port, database) = (context.server.cluster()?.port(), context.scratch.name());
    // Closed again at once: from then on the port refuses.
    let down = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let unknown = "no-such-host.invalid";
    let hosts = format!("host={unknown},localhost,localhost hostaddr=''");
    let text = context.text(&format!("{hosts} port={port},{down},{port}"))?;
    let mut feed = connected(Feed::builder(text)).await?;
    context.tally(&mut feed).await?;

    let uri = format!("postgres://nudger:nudger@127.0.0.1:{down},127.0.0.1:{port}/{database}");
    let mut watch = Watch::start(["-v", uri.as_str()])?;
    watch.resync("connected").await?;
    let log = watch.stderr();
    ensure!(!log.contains("trying again"), "there was a failed attempt: {log}");
    evidence!("past {unknown} and a refused port at the first attempt")
}
