//! However much is logged, the password is not.
//!
//! Seen to fail: with the connection text in an event of `tracing`.

use pgnudge_testkit::Signal;

use crate::consumer::{Consumer, PATIENCE};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins, Watch};

pub(super) const CLAIM: Claim = Claim {
    name: "the_password_is_never_logged",
    title: "the password stays out of the log",
    claim: "With -vvv neither a connection that works nor one that is refused shows the password, in whatever \
            form it was given.",
    falsified_by: "the password in what the program prints",
    proves: &["law 4"],
    plugins: Plugins::Auto,
    needs: &[Need::ForTests("it makes a role")],
    run: |context| Box::pin(the_password_is_never_logged(context)),
};

async fn the_password_is_never_logged(context: Context) -> Result<Evidence, Failure> {
    let uri = context.scratch.login(PASSWORD, "REPLICATION").await?;
    ensure!(uri.contains(ESCAPED), "the URI has another form of the password: {uri}");
    let mut watch = Watch::start(["-vvv", uri.as_str()])?;
    watch.resync("connected").await?;
    context.sql("CREATE TABLE t AS SELECT 1").await?;
    watch.next_item().await?;
    context.scratch.terminate(context.scratch.walsenders().await?[0].pid).await?;
    watch.resync("reconnected").await?;
    watch.signal(Signal::Term)?;
    let good = watch.wait(PATIENCE).await?.stderr;
    ensure!(good.contains("TRACE") || good.contains("DEBUG"), "-vvv logs nothing: {good:?}");

    let refused = uri.replacen(ESCAPED, &format!("{ESCAPED}2"), 1);
    let bad = Watch::start(["-vvv", refused.as_str()])?.wait(PATIENCE).await?.stderr;
    ensure!(bad.contains("error: "), "a wrong password is accepted: {bad:?}");
    for log in [&good, &bad] {
        let shown = [PASSWORD, ESCAPED].iter().any(|form| log.contains(form));
        ensure!(!shown, "the password is in the log: {log}");
    }
    let lines = good.lines().count() + bad.lines().count();
    evidence!("{lines} lines of log over a reconnection and a refusal: the password is in none")
}

/// With characters that a URI has to escape.
const PASSWORD: &str = "hunter2 / swordfish";
const ESCAPED: &str = "hunter2%20%2F%20swordfish";
