//! Nudges that a program asks for, by a logical message.
//!
//! It can fail: without the knob nothing is told, which is looked at here too.

use crate::consumer::Consumer;
use crate::context::connected;
use crate::evidence::evidence;
use crate::{Claim, Context, Evidence, Failure, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "application_nudges_are_told",
    title: "a program can nudge",
    claim: "With `messages`, pg_logical_emit_message(true, 'pgnudge', NAME) nudges that name at its commit, a table or \
            not, and one without a name is a Resync(Undecodable); other prefixes, rolled-back ones, and every one \
            without the knob are silent.",
    falsified_by: "a name that is not told, told otherwise, or told although it must not be",
    proves: &["R3", "R7", "R10"],
    plugins: Plugins::Each,
    needs: &[],
    run: |context| Box::pin(application_nudges_are_told(context)),
};

async fn application_nudges_are_told(context: Context) -> Result<Evidence, Failure> {
    let mut feed = connected(context.builder().messages(true)).await?;
    let mut deaf = context.feed().await?;
    context.sql(SAID).await?;
    let told = context.tally(&mut feed).await?;
    told.ensure_exactly(&[("public.orders", 3), (r#"Odd "Shop".We.ird"#, 1)])?;
    context.tally(&mut deaf).await?.ensure_exactly(&[])?;

    context.sql("SELECT pg_logical_emit_message(true, 'pgnudge', 'no name at all, but words')").await?;
    // The other feed's mark may come first.
    while feed.next_item().await?.resync_reason() != Some("undecodable") {}
    context.tally(&mut feed).await?.ensure_exactly(&[])?;
    evidence!(
        "4 messages told as {told}; 3 that must not be were not; words that are no name: Resync(undecodable)"
    )
}

const SAID: &str = r#"
    SELECT pg_logical_emit_message(true, 'pgnudge', 'public.orders');
    BEGIN;
    SELECT pg_logical_emit_message(true, 'pgnudge', 'public.orders');
    SELECT pg_logical_emit_message(true, 'pgnudge', 'public.orders');
    SELECT pg_logical_emit_message(true, 'pgnudge', '"Odd ""Shop"""."We.ird"');
    COMMIT;
    BEGIN; SELECT pg_logical_emit_message(true, 'pgnudge', 'public.never'); ROLLBACK;
    SELECT pg_logical_emit_message(true, 'somebody', 'public.never');
    SELECT pg_logical_emit_message(false, 'pgnudge', 'public.never');"#;
