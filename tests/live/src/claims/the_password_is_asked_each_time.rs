//! Passwords that change: a callback is asked at each attempt, as tokens that expire need it.
//!
//! It can fail: with the callback's first answer kept, the feed never comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pgnudge::PasswordError;
use pgnudge_testkit::wait_until;

use crate::consumer::{Consumer, PATIENCE};
use crate::context::streaming;
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "the_password_is_asked_each_time",
    title: "a password callback",
    claim: "A feed whose role gets another password asks its callback again when it reconnects, goes on asking while \
            the answer is wrong, and streams once it is right.",
    falsified_by: "a feed that stays away although its callback knows the password",
    proves: &["R2", "law 5"],
    plugins: Plugins::Auto,
    needs: &[Need::ForTests("it makes a role")],
    run: |context| Box::pin(the_password_is_asked_each_time(context)),
};

async fn the_password_is_asked_each_time(context: Context) -> Result<Evidence, Failure> {
    let dsn = context.scratch.login("first", "REPLICATION").await?;
    let role = dsn.split(['/', ':']).nth(3).unwrap_or_default().to_owned();
    let vault = Vault::default();
    vault.keep("first");
    let asked = vault.clone();
    let builder = pgnudge::Feed::builder(dsn.replacen(":first@", ":nonsense@", 1));
    let password = move || {
        let answer = asked.answer();
        async move { Ok::<_, PasswordError>(answer) }
    };
    let mut feed = builder.password(password).backoff(SHORTEST, SHORTEST).connect().await?;
    feed.resync("connected").await?;
    context.tally(&mut feed).await?;
    let before = vault.times();

    context.sql(&format!("ALTER ROLE {role} PASSWORD 'second'")).await?;
    context.scratch.terminate(streaming(&feed)?.1).await?;
    let enough = |times: &usize| *times >= before + WRONG_ANSWERS;
    wait_until("the callback is asked again", PATIENCE, async || Ok(vault.times()), enough).await?;
    vault.keep("second");
    feed.resync("reconnected").await?;
    context.tally(&mut feed).await?;
    ensure!(!format!("{feed:?}").contains("second"), "the password is in {feed:?}");
    evidence!("asked {before} times before the change, {} times since", vault.times() - before)
}

/// What the callback asks.
#[derive(Clone, Default)]
struct Vault(Arc<(Mutex<&'static str>, AtomicUsize)>);

impl Vault {
    fn keep(&self, password: &'static str) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = password;
    }

    fn answer(&self) -> String {
        self.0.1.fetch_add(1, Ordering::Relaxed);
        (*self.0.0.lock().unwrap_or_else(PoisonError::into_inner)).to_owned()
    }

    fn times(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }
}

/// How often the callback gives the old password after the change.
const WRONG_ANSWERS: usize = 2;
const SHORTEST: Duration = Duration::from_millis(10);
