//! What a server, and the machine that we are on, can be used for.

use pgnudge::Plugin;
use pgnudge_testkit::{Cluster, Memory, Server};

use crate::{Failure, Need, Security, browser, pooler, promtool};

/// What claims may rely on, found out once per server. What is missing is kept as a sentence.
#[derive(Clone, Debug)]
pub struct Abilities {
    plugins: Vec<Plugin>,
    version: String,
    major: u32,
    own_cluster: Option<String>,
    for_tests: bool,
    tls: bool,
    certificate: Option<String>,
    process_memory: Option<String>,
    prepared_transactions: Option<String>,
    standby: Option<String>,
}

impl Abilities {
    /// Asks the server.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn of(server: &Server) -> Result<Self, Failure> {
        let plugins = [Plugin::TestDecoding, Plugin::Wal2Json];
        let cluster = server.cluster();
        let prepared = "SELECT current_setting('max_prepared_transactions')::int";
        let tls = "SELECT current_setting('ssl')::bool";
        let tls = server.admin().await?.query_one(tls, &[]).await?.get(0);
        let prepared: i32 = server.admin().await?.query_one(prepared, &[]).await?.get(0);
        Ok(Self {
            plugins: plugins.into_iter().filter(|plugin| server.offers(plugin.name())).collect(),
            version: server.version().to_owned(),
            major: server.major(),
            for_tests: server.is_for_tests(),
            tls,
            own_cluster: cluster.as_ref().err().map(ToString::to_string),
            certificate: match &cluster {
                Ok(cluster) => cluster.certificate().err().map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            },
            standby: match &cluster {
                Ok(cluster) => without_basebackup(cluster),
                Err(error) => Some(error.to_string()),
            },
            process_memory: Memory::of(std::process::id()).err().map(|error| error.to_string()),
            prepared_transactions: (prepared == 0).then(|| "max_prepared_transactions is 0 there".into()),
        })
    }

    pub(crate) fn without_plugin(&self, plugin: Plugin) -> Option<String> {
        let missing = !self.plugins.contains(&plugin);
        missing.then(|| format!("PostgreSQL {} does not offer {plugin} here", self.version))
    }

    pub(crate) fn without_security(&self, security: Security) -> Option<String> {
        let missing = security == Security::Tls && !self.tls;
        missing.then(|| "the server has no TLS".to_owned())
    }

    pub(crate) fn without(&self, need: Need) -> Option<String> {
        match need {
            Need::ForTests(why) | Need::Alone(why) => {
                let harm = || format!("{why}: left out on a server that is not for tests");
                (!self.for_tests).then(harm)
            }
            Need::OwnCluster => self.own_cluster.clone(),
            Need::Certificate => self.certificate.clone(),
            Need::ProcessMemory => self.process_memory.clone(),
            Need::PreparedTransactions => self.prepared_transactions.clone(),
            Need::Standby => self.standby.clone(),
            Need::Browser => browser::missing(),
            Need::Pooler => pooler::missing(),
            Need::Promtool => promtool::missing(),
            Need::Major(major) => {
                let older = self.major < major;
                older.then(|| format!("PostgreSQL {} is older than {major}", self.version))
            }
        }
    }
}

fn without_basebackup(cluster: &Cluster) -> Option<String> {
    let program = cluster.installation().program("pg_basebackup");
    (!program.is_file()).then(|| format!("there is no {}", program.display()))
}
