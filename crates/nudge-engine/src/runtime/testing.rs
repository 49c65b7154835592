//! A feed without a server, for the tests of programs that use one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nudge_decode::{Identity, Plugin, TableRef};
use nudge_proto::{Lsn, SlotName};
use tokio::sync::{oneshot, watch};

use crate::policy::{Unseen, Visibility};
use crate::runtime::feed::{Feed, ends};
use crate::runtime::gate::Gate;
use crate::runtime::intake::Intake;
use crate::runtime::{Status, clock};
use crate::{Error, Key, Knobs, Reason, TableName};

/// What a server would do. Everything it does is visible at once.
pub struct Script {
    intake: Intake,
    gate: Arc<Gate>,
    status: watch::Sender<Status>,
    slot: SlotName,
    lsn: Lsn,
}

/// A feed that is live, and what it hears of.
///
/// # Errors
/// A knob that is wrong.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn feed(knobs: &Knobs, status: watch::Sender<Status>) -> Result<(Script, Feed), Error> {
    knobs.check()?;
    let knobs = Knobs { visibility: Visibility::Off, partition_root: false, ..knobs.clone() };
    let slot = SlotName::new("pgnudge_testing").map_err(|error| Error::config(error.to_string(), ""))?;
    let (intake, consumer) = ends(&knobs, status.clone());
    let gate = Arc::clone(&consumer.gate);
    let (alive, dropped) = oneshot::channel::<()>();
    let gone = status.clone();
    let task = tokio::spawn(async move {
        drop(dropped.await);
        gone.send_replace(Status::Closed);
    });
    let mut script = Script { intake, gate, status, slot, lsn: START };
    script.begin(Reason::Connected);
    Ok((script, consumer.into_feed(task, alive)))
}

impl Script {
    /// Commits a change of so many rows of a table, or so many of a row. Returns the position of the commit.
    pub fn change(&mut self, table: &TableName, key: Option<&Key>, rows: u64) -> Lsn {
        let identity = Identity { table: TableRef::from(table), key: key.map(Key::inner) };
        self.intake.open();
        for _ in 0..rows {
            self.intake.change(&identity);
        }
        self.lsn = Lsn::new(self.lsn.get() + RECORD);
        let now = clock::now();
        self.intake.close(self.lsn, now, now);
        self.lsn
    }

    /// Has everything reloaded, for this reason.
    pub fn resync(&mut self, reason: Reason) {
        self.gate.lock().window.resync(reason, Unseen::default(), clock::now());
        self.gate.wake();
    }

    /// Loses the connection, for this reason. Changes are not told until it is back.
    pub fn disconnect(&mut self, error: Error) {
        self.intake.lost();
        let delay = Duration::ZERO;
        self.status.send_replace(Status::BackingOff { error, delay, attempt: 1 });
    }

    /// Loses the connection, unless it is lost, and has it made again.
    pub fn reconnect(&mut self) {
        self.begin(Reason::Reconnected);
    }

    fn begin(&mut self, reason: Reason) {
        self.intake.restart(reason, None, self.lsn);
        let (slot, plugin) = (self.slot.clone(), Plugin::TestDecoding);
        self.status.send_replace(Status::Streaming { slot, backend_pid: 1, plugin, unchecked: None });
    }
}

/// Where the log begins, and how long a commit is in it.
const START: Lsn = Lsn::new(0x0100_0000);
const RECORD: u64 = 0x40;

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("lsn", &self.lsn).finish_non_exhaustive()
    }
}
