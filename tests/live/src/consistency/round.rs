//! Plays one round: acts on a plan, lets everything come to rest, and compares.

use std::sync::Arc;
use std::time::Duration;

use pgnudge_testkit::{Cluster, Scratch};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::consistency::copy::Copy;
use crate::consistency::database::Database;
use crate::consistency::injector::Injector;
use crate::consistency::manner::Servers;
use crate::consistency::plan::{Lap, Plan};
use crate::consistency::proxy::Proxy;
use crate::consistency::reader::{Reader, quoted};
use crate::consistency::report::Stale;
use crate::consistency::run::Assignment;
use crate::consistency::standby::Standby;
use crate::consistency::subscriber::Subscriber;
use crate::consistency::timeline::{Kind, Recorder};
use crate::consistency::workload::{self, Outcome};
use crate::consistency::{Scenario, Topology};

/// What a round came to.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) outcome: Outcome,
    pub(crate) stale: Option<Stale>,
}

/// A round that is being played.
struct Round<'a> {
    plan: &'a Plan,
    primary: &'a Arc<Cluster>,
    standby: Option<Standby>,
    scratch: Arc<Scratch>,
    database: Database,
    proxies: Vec<Proxy>,
    recorder: Recorder,
    rejoin: Arc<Notify>,
    copy: watch::Receiver<Copy>,
    /// What the copy is compared with.
    reader: Reader,
}

/// Plays the plan, in a database of its own. It ends with the first stale table.
///
/// # Errors
/// When something else than the product fails, or the feed cannot be had.
pub(crate) async fn play(
    topology: &Topology,
    plan: &Plan,
    assignment: &Assignment,
    recorder: Recorder,
) -> Result<Played, Failure> {
    let (copy, looked_at) = watch::channel(Copy::default());
    let round = Round::prepare(topology, plan, recorder, looked_at).await?;
    // Dropped after the feed is gone: until then its sessions hold the database.
    let scratch = Arc::clone(&round.scratch);
    let mut tasks = JoinSet::new();
    tasks.spawn(round.subscriber(assignment, copy).run());
    if plan.manner.servers == Servers::Standby {
        tasks.spawn(log_snapshots(round.database.clone()));
    }
    let played = tokio::select! {
        played = round.laps() => played,
        Some(ended) = tasks.join_next() => match ended? {
            Err(failure) => Err(failure),
            Ok(never) => match never {},
        },
    };
    tasks.shutdown().await;
    drop(scratch);
    played.map_err(|failure| failure.within(format!("seed {}", plan.seed)))
}

impl<'a> Round<'a> {
    async fn prepare(
        topology: &'a Topology,
        plan: &'a Plan,
        recorder: Recorder,
        copy: watch::Receiver<Copy>,
    ) -> Result<Self, Failure> {
        let primary = topology.server.cluster()?;
        let needed = topology.standby.as_ref().filter(|_| plan.scenario.needs_standby());
        let scratch = Arc::new(topology.server.scratch("consistency").await?);
        let standby = needed.map(|cluster| Standby::new(cluster, scratch.name()));
        if let Some(standby) = &standby {
            let lag = if plan.scenario == Scenario::LaggingReplica { LAG } else { Duration::ZERO };
            standby.prepare(lag).await?;
        }
        let database = Database::at(scratch.superuser_dsn());
        database.connect("admin").await?.batch_execute(&plan.create).await?;
        let replica = standby.as_ref().map(Standby::port);
        let servers = match plan.manner.servers {
            Servers::Primary => vec![primary.port()],
            Servers::Both => [Some(primary.port()), replica].into_iter().flatten().collect(),
            Servers::Standby => replica.into_iter().collect(),
        };
        let mut proxies = Vec::new();
        for server in servers {
            proxies.push(Proxy::start(server).await?);
        }
        let reader = Reader::new(database.clone(), plan.manner.scope);
        let rejoin = Arc::default();
        Ok(Self { plan, primary, standby, scratch, database, proxies, recorder, rejoin, copy, reader })
    }

    fn subscriber(&self, assignment: &Assignment, copy: watch::Sender<Copy>) -> Subscriber {
        let replica = self.standby.as_ref().filter(|_| self.plan.manner.from_replica);
        Subscriber {
            reads: replica.map_or(&self.database, |standby| &standby.database).clone(),
            database: self.scratch.name().to_owned(),
            ports: self.proxies.iter().map(Proxy::port).collect(),
            plugin: assignment.plugin,
            manner: self.plan.manner.clone(),
            leak: assignment.leak.clone(),
            consumer: assignment.consumer,
            recorder: self.recorder.clone(),
            rejoin: Arc::clone(&self.rejoin),
            copy,
        }
    }

    async fn laps(mut self) -> Result<Played, Failure> {
        let mut played = Played::default();
        if self.plan.scenario == Scenario::AbsentStandby {
            // A slot waits for what runs: behind a commit that waits for its standby there is no feed yet.
            let _ = timeout(PATIENCE, self.copy.changed()).await;
        }
        for (number, lap) in (1..).zip(&self.plan.laps) {
            let (outcome, late) = self.work(lap).await?;
            played.outcome.add(outcome);
            workload::rest(&self.database, number).await?;
            let found = match late {
                Some(late) => Some(late),
                None => self.compare(number).await?,
            };
            if let Some(found) = found {
                let Plan { seed, scenario, .. } = *self.plan;
                self.recorder.note(Kind::Stale { table: found.clone() });
                played.stale = Some(Stale { seed, scenario: scenario.name(), lap: number, found });
                break;
            }
        }
        Ok(played)
    }

    /// Sessions and faults, side by side; with what was late.
    async fn work(&self, lap: &Lap) -> Result<(Outcome, Option<String>), Failure> {
        let mut sessions = JoinSet::new();
        for work in &lap.sessions {
            sessions.spawn(workload::session(self.database.clone(), work.clone()));
        }
        let Self { primary, database, proxies, recorder, rejoin, copy, .. } = self;
        let standby = self.standby.as_ref();
        let injector = Injector { primary, standby, database, proxies, recorder, rejoin, copy };
        let late = injector.inject(&lap.faults).await?;
        let mut outcome = Outcome::default();
        while let Some(session) = sessions.join_next().await {
            outcome.add(session??);
        }
        Ok((outcome, late))
    }

    /// The first table in which the copy is wrong, and stays so, once it holds the mark. All that is committed was
    /// committed before the mark.
    async fn compare(&mut self, mark: i64) -> Result<Option<String>, Failure> {
        let table = quoted("public", "mark");
        let marked = |copy: &Copy| i64::try_from(copy.rows(&table).len()).is_ok_and(|marks| marks >= mark);
        let marked =
            timeout(PATIENCE, self.copy.wait_for(marked)).await.map(|copy| copy.map(|copy| copy.clone()));
        let silent = if marked.is_err() { " (and nothing was told for so long)" } else { "" };
        let copy = marked.unwrap_or_else(|_| Ok(self.copy.borrow().clone()))?;
        let expected = self.reader.everything().await?;
        let mut found = copy.differences(&expected).into_iter().next();
        let equal = |copy: &Copy| copy.differences(&expected).is_empty();
        if found.is_some() && timeout(GRACE, self.copy.wait_for(equal)).await.is_ok() {
            found = None;
        }
        if found.is_none() {
            self.recorder.note(Kind::Equal { tables: copy.len() });
        }
        Ok(found.map(|difference| format!("{difference}{silent}")))
    }
}

/// Logs the running transactions on the primary: a slot on a standby waits for that, and an idle primary rarely
/// does it.
async fn log_snapshots(database: Database) -> Result<std::convert::Infallible, Failure> {
    loop {
        if let Ok(client) = database.connect("admin").await {
            while client.batch_execute("SELECT pg_log_standby_snapshot()").await.is_ok() {
                sleep(SNAPSHOTS).await;
            }
        }
        sleep(SNAPSHOTS).await;
    }
}

/// A feed that is silent for so long has lost its wakeups. Only a failure ever waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a copy may differ once it holds the mark. What came before the mark may be told after it: an item waits
/// while others pass it by, a refetch for an earlier mark finds this one, and a stream that was lost or is made again
/// is stood for by the next one's Resync.
const GRACE: Duration = Duration::from_secs(3);
const SNAPSHOTS: Duration = Duration::from_millis(100);
/// How late a lagging replica is.
const LAG: Duration = Duration::from_millis(150);
