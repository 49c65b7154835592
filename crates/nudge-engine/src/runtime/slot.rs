//! The temporary slot, and the wait for it.
//!
//! A slot needs a moment at which no transaction is writing that was writing before: behind an open
//! write transaction the server waits, and *while it waits* it does not notice that the client is
//! gone. So the wait is bounded on both sides: `lock_timeout` on the server, `slot_timeout` here; and
//! whoever gives up says so with a CancelRequest.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nudge_decode::Plugin;
use nudge_proto::{BackendKey, CreateTemporarySlot, Lsn, SlotName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::policy::diagnosis::{self, Stage};
use crate::runtime::login::{Conversation, Row};
use crate::runtime::{Route, random};
use crate::{Error, ErrorKind};

/// A slot that ends with its connection.
pub(crate) struct Slot {
    pub(crate) name: SlotName,
    pub(crate) plugin: Plugin,
    /// Changes of transactions that commit after this position arrive.
    pub(crate) consistent_point: Lsn,
}

/// Creates a slot with the first of the plugins that the server has and allows.
pub(crate) async fn create(
    mut conversation: Conversation,
    plugins: &[Plugin],
    limit: Duration,
    cancellation: &Cancellation,
    route: &Arc<dyn Route>,
) -> Result<(Conversation, Slot), Error> {
    let name = random::slot_name().map_err(|error| diagnosis::network(Stage::Session, error))?;
    let mut refused = None;
    for &plugin in plugins {
        let stage = Stage::Slot(plugin.name());
        let command = CreateTemporarySlot::new(&name, plugin.name()).map_err(|error| impossible(&error))?;
        cancellation.arm(route, conversation.session.backend_key());
        let asked = timeout(limit, conversation.query(command.as_sql(), stage)).await;
        let Ok(answer) = asked else {
            // Dropping the connection is not enough: see above.
            cancellation.fire().await;
            return Err(slot_timeout(stage));
        };
        cancellation.disarm();
        let (back, outcome) = answer?;
        conversation = back;
        match outcome {
            Ok(row) => {
                return Ok((conversation, Slot { name, plugin, consistent_point: consistent_point(row)? }));
            }
            Err(response) if diagnosis::refuses_plugin(&response) => {
                let error = diagnosis::server(stage, &response);
                tracing::warn!(plugin = plugin.name(), %error, "the server does not offer this plugin");
                refused.get_or_insert(error);
            }
            Err(response) => return Err(diagnosis::server(stage, &response)),
        }
    }
    Err(refused.unwrap_or_else(|| Error::config("there is no plugin to decode with", "choose a plugin")))
}

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

fn slot_timeout(stage: Stage<'_>) -> Error {
    diagnosis::timeout(stage, "slot_timeout").with_hint(
        "a slot waits for every transaction that was writing when it was asked for: end the long ones",
    )
}

/// Plugin names are ours and have no zero byte.
fn impossible(error: &nudge_proto::ZeroByte) -> Error {
    Error::permanent(ErrorKind::Config, error.to_string())
}

/// The means to stop a slot creation that is under way, reachable from outside of the task that waits.
#[derive(Clone, Default)]
pub(crate) struct Cancellation(Arc<Mutex<Option<Armed>>>);

struct Armed {
    route: Arc<dyn Route>,
    key: BackendKey,
}

impl Cancellation {
    fn arm(&self, route: &Arc<dyn Route>, key: &BackendKey) {
        *self.lock() = Some(Armed { route: Arc::clone(route), key: key.clone() });
    }

    fn disarm(&self) {
        *self.lock() = None;
    }

    /// Sends a CancelRequest if a slot creation is under way. It is a kindness to the server, which
    /// gives up by itself after `lock_timeout`: so failing is no error, and it does not take long.
    pub(crate) async fn fire(&self) {
        let Some(Armed { route, key }) = self.lock().take() else { return };
        let cancel = async {
            let Ok(mut connected) = route.open().await else { return };
            let mut request = Vec::new();
            key.cancel_request(&mut request);
            if connected.socket.write_all(&request).await.is_ok() && connected.socket.flush().await.is_ok() {
                // The server closes the connection once it has passed the request on.
                let _ = connected.socket.read(&mut [0]).await;
            }
        };
        let _ = timeout(Self::LONGEST, cancel).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const LONGEST: Duration = Duration::from_secs(2);
}
