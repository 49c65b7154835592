//! The life of a connection in stages, for tests that go through all of them.

use pgnudge_testkit::frames;

use crate::Backend;

/// What the feed is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The answer to its startup message.
    Startup,
    /// The answer to its first SCRAM message.
    Authentication,
    /// The answer to its settings.
    Settings,
    /// The answer to CREATE_REPLICATION_SLOT.
    Slot,
    /// The answer to START_REPLICATION.
    Start,
    /// Changes.
    Stream,
}

impl Stage {
    /// In order.
    pub const ALL: [Self; 6] =
        [Self::Startup, Self::Authentication, Self::Settings, Self::Slot, Self::Start, Self::Stream];
    /// Those in which the feed is not live yet.
    pub const BEFORE_STREAM: [Self; 5] =
        [Self::Startup, Self::Authentication, Self::Settings, Self::Slot, Self::Start];
}

impl Backend {
    /// Plays the server up to the point where the feed waits in that stage.
    pub async fn goes_to(&mut self, stage: Stage) {
        if let Stage::Startup | Stage::Authentication = stage {
            self.expect_startup().await.expect("a startup message");
            if stage == Stage::Authentication {
                self.sends(&frames::authentication_sasl(&["SCRAM-SHA-256"])).await;
                self.next().await.expect("the client speaks first");
            }
            return;
        }
        self.lets_in().await;
        if stage == Stage::Settings {
            self.expect_query("SET").await.expect("the settings");
            return;
        }
        self.prepares().await;
        if stage == Stage::Slot {
            self.asked_for_slot().await;
            return;
        }
        self.makes_slot().await;
        if stage == Stage::Start {
            if self.asks_what_runs().await {
                self.runs(&[]).await;
                self.expect_query("START_REPLICATION").await.expect("the stream is asked for");
            }
            return;
        }
        self.starts().await;
    }
}
