//! Which of several bridges is the active one: who holds an advisory lock (manual, "Advisory Locks").
//!
//! The lock belongs to a session, and the server lets it go with the session: whatever happens to the
//! active bridge or its host, the next one in the queue is woken by the server. The session has to be
//! heard of: the server ends it when its holder is silent for [`PATIENCE`], even if the connection stays.
//! The holder counts from an earlier moment and less, so that it gives up first.
//! Two bridges that are both active for a moment do no harm: their listeners are nudged twice.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use pgnudge::{Error, ErrorKind, Session, SessionKind};
use tokio::time::{Instant, timeout, timeout_at};

use crate::bridge::notification::literal;

/// The lock of one group of bridges.
#[derive(Debug)]
pub(crate) struct Lock {
    pub(crate) connection: String,
    pub(crate) name: String,
}

/// The lock, held. It is let go when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    session: Session,
    /// Until when it certainly is.
    until: Instant,
}

impl Lock {
    /// Waits until this bridge is the active one.
    ///
    /// # Errors
    /// The loss of the session, or that there is none.
    pub(crate) async fn acquire(&self) -> Result<Held, Error> {
        let mut session = Session::connect(&self.connection, SessionKind::Sql).await?;
        session.query(&settings()).await?;
        // Servers on some systems cannot do this.
        let _ = session.query("SET client_connection_check_interval = '2s'").await;
        tracing::info!(name = self.name, "waiting to become the active bridge");
        session.query(&wait(&self.name)).await?;
        // The answer may have been long on its way, and the lock be lost again.
        let sent = sign_of_life(&mut session).await?;
        Ok(Held { session, until: sent + LEASE })
    }
}

impl Held {
    /// Keeps the lock, until it is lost or may be.
    pub(crate) async fn lost(&mut self) -> Error {
        loop {
            let until = self.until;
            let mut renewed = pin!(renew(&mut self.session));
            // Whoever was stopped asks the clock before anything else: its timers come later.
            let in_time = poll_fn(|cx| match Instant::now() < until {
                true => renewed.as_mut().poll(cx),
                false => Poll::Ready(Err(silence())),
            });
            match timeout_at(until, in_time).await.unwrap_or_else(|_| Err(silence())) {
                Ok(sent) => self.until = sent + LEASE,
                Err(error) => return error,
            }
        }
    }
}

/// Some time later, the session is heard of and hears of the server: when that was begun.
async fn renew(session: &mut Session) -> Result<Instant, Error> {
    match timeout(PAUSE, session.closed()).await {
        Ok(error) => Err(error),
        Err(_) => sign_of_life(session).await,
    }
}

async fn sign_of_life(session: &mut Session) -> Result<Instant, Error> {
    let sent = Instant::now();
    session.query("SELECT").await.map(|_| sent)
}

fn silence() -> Error {
    let message = format!("nothing was heard of the server for {LEASE:?}: the lock may be another's");
    Error::transient(ErrorKind::Timeout, message)
}

/// One call that returns when the lock is ours.
///
/// A statement has a snapshot, and one that waits for days would keep VACUUM from cleaning up and
/// CREATE INDEX CONCURRENTLY from ending; so the server starts a new transaction after every
/// `lock_timeout`, without a word to anybody. The wait itself goes on: whoever lets the lock go wakes us.
fn wait(name: &str) -> String {
    let key = format!("pg_catalog.hashtextextended({}, 0)", literal(&format!("pgnudge bridge {name}")));
    let body = format!(
        "BEGIN LOOP \
         BEGIN PERFORM pg_catalog.pg_advisory_lock({key}); RETURN; EXCEPTION WHEN lock_not_available THEN NULL; END; \
         COMMIT; END LOOP; END"
    );
    format!("DO {}", literal(&body))
}

/// No limit of time but the one on a snapshot's age, and the one on the holder's silence; a session that
/// waits is not idle. Keepalive tells the server within some ten seconds that the host of one that waits
/// is gone. A setting that the server does not know is left out.
fn settings() -> String {
    let patience = PATIENCE.as_millis();
    format!(
        "SELECT pg_catalog.set_config(s.name, v.value, false) FROM (VALUES \
         ('lock_timeout', '30s'), ('statement_timeout', '0'), ('transaction_timeout', '0'), \
         ('idle_session_timeout', '{patience}ms'), ('idle_in_transaction_session_timeout', '0'), \
         ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '3'), \
         ('application_name', 'pgnudge bridge') \
         ) AS v (name, value) JOIN pg_catalog.pg_settings AS s ON s.name = v.name"
    )
}

/// How long the server keeps the lock for a session that it does not hear of.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the holder relies on it, from before it was last heard of.
const LEASE: Duration = Duration::from_secs(8);
/// Between two signs of life: three may be lost in delays.
const PAUSE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_gives_up_before_the_server_does() {
        assert!(PAUSE * 3 < LEASE && LEASE < PATIENCE);
        assert!(settings().contains("('idle_session_timeout', '10000ms')"), "{}", settings());
    }
}
