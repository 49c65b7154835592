//! Does what a plan's faults say.

use std::sync::Arc;
use std::time::Duration;

use pgnudge_testkit::{Cluster, StopMode};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::consistency::copy::Copy;
use crate::consistency::database::Database;
use crate::consistency::dice::Dice;
use crate::consistency::fault::{Fault, Scheduled};
use crate::consistency::probe::{self, probe};
use crate::consistency::processes::{Frozen, WALSENDERS, WRITERS, freeze_while_active, pids};
use crate::consistency::proxy::{Manner, Proxy};
use crate::consistency::standby::{self, Standby, until};
use crate::consistency::timeline::{Kind, Recorder};

/// What faults are done to.
pub(crate) struct Injector<'a> {
    pub(crate) primary: &'a Arc<Cluster>,
    pub(crate) standby: Option<&'a Standby>,
    pub(crate) database: &'a Database,
    pub(crate) proxies: &'a [Proxy],
    pub(crate) recorder: &'a Recorder,
    pub(crate) rejoin: &'a Notify,
    pub(crate) copy: &'a watch::Receiver<Copy>,
}

impl Injector<'_> {
    /// One after another; afterwards bytes pass again. Returns what was late.
    pub(crate) async fn inject(&self, faults: &[Scheduled]) -> Result<Option<String>, Failure> {
        let (mut late, mut waiting) = (None, JoinSet::new());
        for Scheduled { after, fault } in faults {
            sleep(*after).await;
            self.recorder.note(Kind::Fault { fault: fault.name() });
            match *fault {
                Fault::Probe => late = late.or(self.probe(probe::VISIBLE).await?),
                Fault::ProbeUnlogged => late = late.or(self.probe(probe::UNLOGGED).await?),
                Fault::CommitBehindSlot(number) => self.commit_behind_slot(number, &mut waiting).await?,
                fault => self.one(fault).await?,
            }
        }
        self.each(|proxy| proxy.pass(Manner::AtOnce));
        while let Some(committed) = waiting.join_next().await {
            committed??;
        }
        Ok(late)
    }

    async fn one(&self, fault: Fault) -> Result<(), Failure> {
        match fault {
            Fault::Reset => self.each(Proxy::reset),
            Fault::HalfOpen => self.each(Proxy::freeze),
            Fault::Forget => self.each(Proxy::forget),
            Fault::Cut => self.each(Proxy::cut),
            Fault::Refuse(duration) => {
                self.each(Proxy::reset);
                self.pass(Manner::Refused, duration).await;
            }
            Fault::Stall(duration) => self.pass(Manner::Stalled, duration).await,
            Fault::Trickle(duration) => self.pass(Manner::OneByOne, duration).await,
            Fault::Delay(duration) => self.pass(Manner::Late(duration / 20), duration).await,
            Fault::Lumps(duration) => {
                self.each(Proxy::reset);
                self.each(|proxy| proxy.pass(Manner::InLumps(duration)));
            }
            Fault::Rejoin => self.rejoin.notify_one(),
            other => self.of_the_server(other).await?,
        }
        Ok(())
    }

    async fn of_the_server(&self, fault: Fault) -> Result<(), Failure> {
        match (fault, self.standby) {
            (Fault::Terminate, _) => self.database.connect("admin").await?.batch_execute(TERMINATE).await?,
            (Fault::Freeze(duration), _) => Frozen::all(self.pids(WALSENDERS).await?, duration).await,
            (Fault::FreezeWriters(number), _) => {
                let client = self.database.connect("admin").await?;
                let busy = format!("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {WRITERS})");
                // One that is done before it is found is not stopped.
                timeout(FOUND, until(&client, &busy)).await.unwrap_or(Ok(()))?;
                freeze_while_active(&client, WRITERS, &mut Dice::new(number)).await?;
            }
            (Fault::RestartFast, _) => self.restart(StopMode::Fast).await?,
            (Fault::RestartImmediate, _) => self.restart(StopMode::Immediate).await?,
            (Fault::StandbyLeaves, _) => self.synchronous("absent").await?,
            (Fault::StandbyReturns, _) => self.synchronous("").await?,
            (Fault::PauseReplay(duration), Some(standby)) => standby.pause(duration).await?,
            (Fault::Failover, Some(standby)) => {
                let rejoin = || self.rejoin.notify_one();
                standby.fail_over(self.primary, self.database, rejoin).await?;
            }
            (Fault::Promote, Some(standby)) => standby.take_over(self.primary, self.database).await?,
            (other, _) => return Err(Failure::new(format!("nothing to do {other:?} to"))),
        }
        Ok(())
    }

    fn each(&self, fault: impl Fn(&Proxy)) {
        self.proxies.iter().for_each(fault);
    }

    async fn pass(&self, manner: Manner, duration: Duration) {
        self.each(|proxy| proxy.pass(manner));
        sleep(duration).await;
        self.each(|proxy| proxy.pass(Manner::AtOnce));
    }

    async fn pids(&self, condition: &str) -> Result<Vec<u32>, Failure> {
        pids(&self.database.connect("admin").await?, condition).await
    }

    async fn restart(&self, mode: StopMode) -> Result<(), Failure> {
        standby::stop(self.primary, mode).await?;
        let primary = Arc::clone(self.primary);
        Ok(spawn_blocking(move || primary.start()).await??)
    }

    /// From now on commits wait for that standby; of no name, for none.
    async fn synchronous(&self, standby: &str) -> Result<(), Failure> {
        let client = self.database.connect("admin").await?;
        client.batch_execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'")).await?;
        client.batch_execute("SELECT pg_reload_conf()").await?;
        until(&client, &format!("SELECT current_setting('synchronous_standby_names') = '{standby}'")).await
    }

    async fn probe(&self, table: &str) -> Result<Option<String>, Failure> {
        probe(&self.database.connect("admin").await?, table, self.copy).await
    }

    /// Of all that is done to a feed that connects, this needs to know how far it has come: the slot is there,
    /// and the stream has not begun.
    async fn commit_behind_slot(
        &self,
        number: u64,
        waiting: &mut JoinSet<Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let client = self.database.connect("admin").await?;
        until(&client, &format!("SELECT NOT EXISTS ({SLOTS})")).await?;
        until(&client, &format!("SELECT EXISTS ({SLOTS})")).await?;
        let insert = format!("INSERT INTO parent_{number} VALUES (1, 1)");
        waiting.spawn(async move { Ok(client.batch_execute(&insert).await?) });
        Ok(())
    }
}

/// The feed's, its second session included.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'nudger'";

/// Those that are made: one that waits for running transactions has no such position yet.
const SLOTS: &str = "SELECT FROM pg_replication_slots
    WHERE database = current_database() AND confirmed_flush_lsn IS NOT NULL";

/// A session that writes is busy by then.
const FOUND: Duration = Duration::from_secs(2);
