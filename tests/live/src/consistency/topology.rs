//! The servers of a run: a throwaway server, and a streaming standby of it once a scenario needs one. They serve
//! many rounds; a round in which the standby takes over uses them up.

use std::sync::Arc;

use pgnudge_testkit::{Cluster, ClusterBuilder, Installation, Server};
use tokio::task::spawn_blocking;

use crate::Failure;
use crate::consistency::Scenario;

/// A server of a run's own, to be restarted and replaced, and perhaps its standby.
#[derive(Debug)]
pub struct Topology {
    installation: Installation,
    /// Before the server, so that it ends before that does.
    pub(crate) standby: Option<Arc<Cluster>>,
    pub(crate) server: Server,
    spent: bool,
}

impl Topology {
    /// Starts the server.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(installation: Installation) -> Result<Self, Failure> {
        let server = Server::start_from(installation.clone(), cluster(Cluster::builder())).await?;
        Ok(Self { installation, standby: None, server, spent: false })
    }

    /// The server, which may be another one after the next round.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Has everything that the scenario needs.
    pub(crate) async fn prepare(&mut self, scenario: Scenario) -> Result<(), Failure> {
        if self.spent {
            *self = Self::start(self.installation.clone()).await?;
        }
        if scenario.needs_standby() && self.standby.is_none() {
            let builder = cluster(Cluster::builder().standby_of(self.server.cluster()?));
            let installation = self.installation.clone();
            let standby = spawn_blocking(move || builder.start(&installation)).await??;
            self.standby = Some(Arc::new(standby));
        }
        self.spent = scenario.uses_up_its_servers();
        Ok(())
    }
}

/// With a server that soon notices a lost client.
fn cluster(builder: ClusterBuilder) -> ClusterBuilder {
    builder.line("wal_sender_timeout = '2s'").line("deadlock_timeout = '50ms'")
}
