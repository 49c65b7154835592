//! Dropping a feed, or the future that connects it, leaves nothing on the server, at any moment.
//!
//! Seen to fail: with a feed whose task is not tied to it (`_alive` leaked).

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "drop_is_the_goodbye",
    title: "drop is the goodbye",
    claim: "Dropping a feed closes its connection at once, and so does giving up `connect()` at whatever stage: \
            neither slot nor session stays.",
    falsified_by: "a slot or a walsender that is still there",
    proves: &["R11", "law 3", "law 5"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(drop_is_the_goodbye(context)),
};

async fn drop_is_the_goodbye(context: Context) -> Result<Evidence, Failure> {
    let feed = context.feed().await?;
    context.slots(1).await?;
    let dropped = Instant::now();
    drop(feed);
    context.nothing_left().await?;
    let elapsed = dropped.elapsed();

    let mut given_up = 0;
    for attempt in 0..ATTEMPTS {
        // From before the first byte to after the last.
        let limit = Duration::from_micros(1500) * attempt;
        given_up += u32::from(timeout(limit, context.builder().connect()).await.is_err());
    }
    ensure!(given_up > 0, "no attempt was given up: the limits are too long");
    context.nothing_left().await?;
    evidence!(
        "gone {elapsed:.0?} after the drop; {given_up} of {ATTEMPTS} connects given up under way, nothing left"
    )
}

const ATTEMPTS: u32 = 40;
