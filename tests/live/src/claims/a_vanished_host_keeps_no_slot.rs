//! A client that is still connected and says nothing any more, as a host that lost its network.
//!
//! The program is paused for it: the connection stays, and no answer comes. The server finds out by
//! `wal_sender_timeout`, which database settings set here to less and to more than a feed allows.
//!
//! It can fail: without the bound on the session's `wal_sender_timeout` the second server process
//! stays for ever; with the setting raised to the bound, the first one stays for half a minute.

use std::time::{Duration, Instant};

use pgnudge_testkit::Signal;

use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "a_vanished_host_keeps_no_slot",
    title: "a host that vanishes",
    claim: "The slot of a client that falls silent is gone after the server's wal_sender_timeout, and after 30 s \
            where the server would wait longer, or for ever.",
    falsified_by: "a slot that stays, or one that stays longer than the server's own setting allows",
    proves: &["law 3"],
    plugins: Plugins::Auto,
    needs: &[],
    run: |context| Box::pin(a_vanished_host_keeps_no_slot(context)),
};

async fn a_vanished_host_keeps_no_slot(context: Context) -> Result<Evidence, Failure> {
    let other = Context::new(context.server.clone(), "vanished", context.variant).await?;
    let (short, endless) = tokio::join!(silent_for(&context, "2s"), silent_for(&other, "0"));
    let (short, endless) = (short?, endless?);
    ensure!(short < BOUND, "with wal_sender_timeout = 2s it took {short:.1?}, the bound of a feed");
    evidence!("gone after {short:.1?} with wal_sender_timeout = 2s, after {endless:.1?} with 0 (for ever)")
}

/// How long the slot stays where the server has that `wal_sender_timeout`.
async fn silent_for(context: &Context, wal_sender_timeout: &str) -> Result<Duration, Failure> {
    let database = context.scratch.name();
    let setting = format!("ALTER DATABASE {database} SET wal_sender_timeout = '{wal_sender_timeout}'");
    context.sql(&setting).await?;
    let watch = context.watch(&[]).await?;
    context.slots(1).await?;
    let silent = Instant::now();
    watch.signal(Signal::Stop)?;
    context.nothing_left().await?;
    Ok(silent.elapsed())
}

/// The longest `wal_sender_timeout` that a feed with default knobs lets its session have.
const BOUND: Duration = Duration::from_secs(30);
