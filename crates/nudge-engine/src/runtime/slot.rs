//! The temporary slot, and the wait for it.
//!
//! A slot needs a moment at which no transaction is writing that was writing before: behind an open
//! write transaction the server waits, and *while it waits* it does not notice that the client is
//! gone. So the wait is bounded on both sides: `lock_timeout` on the server, `slot_timeout` here; and
//! whoever gives up says so with a CancelRequest.

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use nudge_decode::Plugin;
use nudge_proto::{CreateTemporarySlot, Lsn, SlotName};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::runtime::cancellation::Cancellation;
use crate::runtime::login::{Conversation, Login, Outcome, Row};
use crate::runtime::meter::Meter;
use crate::runtime::{Blocker, Route, Status, blockers, clock, random};
use crate::{Error, ErrorKind, LOG};

/// A slot that ends with its connection.
pub(crate) struct Slot {
    pub(crate) name: SlotName,
    pub(crate) plugin: Plugin,
    /// Changes of transactions that commit after this position arrive.
    pub(crate) consistent_point: Lsn,
}

/// What a slot creation needs to know about its surroundings.
pub(crate) struct SlotRequest<'a> {
    /// The plugins to try, best first.
    pub(crate) plugins: &'a [Plugin],
    /// How long to wait.
    pub(crate) limit: Duration,
    /// Whether the server is a standby.
    pub(crate) standby: bool,
    pub(crate) cancellation: &'a Cancellation,
    pub(crate) login: &'a Login,
    pub(crate) route: &'a Arc<dyn Route>,
    /// Who is told of the wait; `None` beside a stream that goes on.
    pub(crate) status: Option<&'a watch::Sender<Status>>,
    pub(crate) meter: &'a Meter,
}

impl SlotRequest<'_> {
    /// Creates a slot with the first of the plugins that the server has and allows.
    pub(crate) async fn create(&self, mut conversation: Conversation) -> Result<(Conversation, Slot), Error> {
        let name = random::slot_name().map_err(|error| diagnosis::network(Stage::Session, error))?;
        let mut refused = None;
        for &plugin in self.plugins {
            let stage = Stage::Slot(plugin.name());
            let command =
                CreateTemporarySlot::new(&name, plugin.name()).map_err(|error| impossible(&error))?;
            let (back, outcome) = self.wait(conversation, command.as_sql(), stage).await?;
            conversation = back;
            match outcome {
                Ok(row) => {
                    return Ok((
                        conversation,
                        Slot { name, plugin, consistent_point: consistent_point(row)? },
                    ));
                }
                Err(response) if diagnosis::refuses_plugin(&response) => {
                    let error = diagnosis::server(stage, &response);
                    tracing::warn!(target: LOG, plugin = plugin.name(), %error, "the server does not offer this plugin");
                    refused.get_or_insert(error);
                }
                Err(response) => return Err(diagnosis::server(stage, &response)),
            }
        }
        Err(refused.unwrap_or_else(|| Error::config("there is no plugin to decode with", "choose a plugin")))
    }

    /// One CREATE_REPLICATION_SLOT. While it waits the status says for whom.
    async fn wait(&self, conversation: Conversation, sql: &CStr, stage: Stage<'_>) -> Result<Answer, Error> {
        let key = conversation.session.backend_key().clone();
        self.announce(key.pid(), None);
        self.cancellation.arm(self.route, &key);
        let asked_at = clock::now();
        let mut known = None;
        let inquiry = async {
            let blocker = blockers::inquire(self.login, self.route, &key, self.limit).await;
            if let Some(blocker) = &blocker {
                tracing::warn!(target: LOG, %blocker, "the slot has to wait");
            }
            known.clone_from(&blocker);
            self.announce(key.pid(), blocker);
            // The wait itself goes on.
            std::future::pending().await
        };
        let asked = async {
            tokio::select! {
                answer = conversation.query(sql, stage) => answer,
                never = inquiry => never,
            }
        };
        let answer = timeout(self.limit, asked).await;
        self.meter.slot_wait(clock::now() - asked_at);
        let Ok(answer) = answer else {
            // Dropping the connection is not enough: see above.
            self.cancellation.fire().await;
            return Err(slot_timeout(stage, known.as_ref(), self.standby));
        };
        self.cancellation.disarm();
        answer
    }

    fn announce(&self, backend_pid: i32, blocker: Option<Blocker>) {
        if let Some(status) = self.status {
            Status::WaitingForSlot { backend_pid, blocker }.announce(status, self.meter);
        }
    }
}

type Answer = (Conversation, Outcome<Option<Row>>);

/// The answer is one row: name, consistent point, snapshot, plugin.
fn consistent_point(row: Option<Row>) -> Result<Lsn, Error> {
    let text = row.and_then(|row| row.into_iter().nth(1).flatten());
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        Error::permanent(
            ErrorKind::Protocol,
            "the server's answer to CREATE_REPLICATION_SLOT has no position",
        )
        .with_hint("check that this is a PostgreSQL server, and not something in between")
    })
}

fn slot_timeout(stage: Stage<'_>, blocker: Option<&Blocker>, standby: bool) -> Error {
    let error = diagnosis::timeout(stage, "slot_timeout");
    let error = match blocker {
        Some(blocker) => error.because(&format!("it waits for {blocker}")),
        None => error,
    };
    error.with_hint(if standby {
        // Manual, "Logical Decoding Concepts": a quiet primary logs no snapshot of what runs.
        "on a standby a slot waits for word from the primary: run SELECT pg_log_standby_snapshot() there, and end long \
         transactions"
    } else {
        "a slot waits for every transaction that was writing when it was asked for: end the long ones"
    })
}

/// Plugin names are ours and have no zero byte.
fn impossible(error: &nudge_proto::ZeroByte) -> Error {
    Error::permanent(ErrorKind::Config, error.to_string())
}
