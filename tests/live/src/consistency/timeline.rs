//! What happened in a run, and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::{Figure, Shape};

/// What happened in a run, in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// Each with its time.
    pub entries: Vec<Entry>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Seconds since the begin of the run.
    pub seconds: f64,
    /// The seed of the round that it happened in.
    pub seed: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A round begins.
    Round,
    /// Something is broken.
    Fault {
        /// What is done.
        fault: &'static str,
    },
    /// The feed streams again, from another server process.
    Reconnect,
    /// The subscriber was told to reload everything.
    Resync {
        /// Why.
        reason: String,
    },
    /// The subscriber was told of tables.
    Item {
        /// How many.
        tables: usize,
    },
    /// The copy was compared with the database, and equal to it.
    Equal {
        /// How many tables were compared.
        tables: usize,
    },
    /// The copy was not equal to the database.
    Stale {
        /// The first table that differs.
        table: String,
    },
}

impl Timeline {
    /// The run as a picture: what was done to the feed, lane by lane, and what the subscriber saw of it.
    #[must_use]
    pub fn figure(&self) -> Figure {
        let caption = "What was done to the connection and the server, what the subscriber was told, and when its \
                       copy was compared with the database and was equal to it.";
        let mut figure = Figure::new("A run of the consistency checker", Shape::Timeline, ["s", ""], caption);
        let mut lanes: BTreeMap<(usize, &str), Vec<(f64, f64)>> = BTreeMap::new();
        for Entry { seconds, kind, .. } in &self.entries {
            if let Some(lane) = kind.lane() {
                lanes.entry(lane).or_default().push((*seconds, 0.0));
            }
        }
        for ((tone, name), points) in lanes {
            figure = figure.with_toned(name, tone, points);
        }
        figure
    }
}

impl Kind {
    /// The colour and the name of its lane: faults above, then what is told, then comparisons.
    fn lane(&self) -> Option<(usize, &str)> {
        match self {
            Self::Round => None,
            Self::Fault { fault } => Some((1, fault)),
            Self::Reconnect => Some((2, "reconnected")),
            Self::Resync { .. } => Some((2, "resync")),
            Self::Item { .. } => Some((4, "batch")),
            Self::Equal { .. } => Some((7, "copy is equal")),
            Self::Stale { .. } => Some((7, "COPY IS STALE")),
        }
    }
}

/// Where those who act write down what they do.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    begun: Instant,
    seed: u64,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Recorder {
    /// Time begins now.
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), seed: 0, entries: Arc::default() }
    }

    /// The same timeline, for a round of that seed.
    pub(crate) fn of_round(&self, seed: u64) -> Self {
        let recorder = Self { seed, ..self.clone() };
        recorder.note(Kind::Round);
        recorder
    }

    pub(crate) fn note(&self, kind: Kind) {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.lock().push(Entry { seconds, seed: self.seed, kind });
    }

    /// What was written down since this was asked last.
    pub(crate) fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // A list that somebody panicked beside is a list.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_plain_json() {
        let recorder = Recorder::new().of_round(7);
        recorder.note(Kind::Fault { fault: "reset" });
        let mut entries = recorder.take();
        entries.iter_mut().for_each(|entry| entry.seconds = 0.5);
        let json = serde_json::to_string(&Timeline { entries }).unwrap();
        let expected = r#"{"entries":[{"seconds":0.5,"seed":7,"kind":"round"},{"seconds":0.5,"seed":7,"kind":"fault","fault":"reset"}]}"#;
        assert_eq!(json, expected);
    }
}
