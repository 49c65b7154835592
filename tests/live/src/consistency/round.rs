//! Plays one round: acts on a plan, lets everything come to rest, and compares.

use std::sync::Arc;
use std::time::Duration;

use pgnudge_testkit::{Scratch, Server};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Failure;
use crate::consistency::copy::{Copy, Difference};
use crate::consistency::injector::Injector;
use crate::consistency::plan::{Lap, Plan};
use crate::consistency::proxy::Proxy;
use crate::consistency::reader::{Reader, quoted};
use crate::consistency::run::Assignment;
use crate::consistency::subscriber::Subscriber;
use crate::consistency::timeline::{Kind, Recorder};
use crate::consistency::workload::{self, Outcome};
use crate::consistency::{report::Stale, tables};

/// What a round came to.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) outcome: Outcome,
    pub(crate) stale: Option<Stale>,
}

/// A round that is being played.
struct Round<'a> {
    plan: &'a Plan,
    server: &'a Server,
    scratch: Arc<Scratch>,
    proxy: Proxy,
    recorder: Recorder,
    copy: watch::Receiver<Copy>,
    /// What the copy is compared with.
    reader: Reader,
}

/// Plays the plan, in a database of its own. It ends with the first stale table.
///
/// # Errors
/// When something else than the product fails, or the feed cannot be had.
pub(crate) async fn play(
    server: &Server,
    plan: &Plan,
    assignment: &Assignment,
    recorder: Recorder,
) -> Result<Played, Failure> {
    let scratch = Arc::new(server.scratch("consistency").await?);
    scratch.connect().await?.batch_execute(tables::CREATE).await?;
    let proxy = Proxy::start(server.cluster()?.port()).await?;
    let (copy, looked_at) = watch::channel(Copy::default());
    let subscriber = Subscriber {
        scratch: Arc::clone(&scratch),
        port: proxy.port(),
        plugin: assignment.plugin,
        manner: plan.manner.clone(),
        leak: assignment.leak.clone(),
        recorder: recorder.clone(),
        copy,
    };
    let mut subscribing = JoinSet::new();
    subscribing.spawn(subscriber.run());
    let reader = Reader::new(Arc::clone(&scratch), plan.manner.schema);
    let round = Round { plan, server, scratch, proxy, recorder, copy: looked_at, reader };
    let played = tokio::select! {
        played = round.laps() => played,
        Some(ended) = subscribing.join_next() => match ended? {
            Err(failure) => Err(failure),
            Ok(never) => match never {},
        },
    };
    subscribing.shutdown().await;
    played.map_err(|failure| failure.within(format!("seed {}", plan.seed)))
}

impl Round<'_> {
    async fn laps(mut self) -> Result<Played, Failure> {
        let mut played = Played::default();
        for (number, lap) in (1..).zip(&self.plan.laps) {
            played.outcome.add(self.work(lap).await?);
            workload::rest(&self.scratch, number).await?;
            if let Some(found) = self.compare(number).await? {
                self.recorder.note(Kind::Stale { table: found.table.clone() });
                played.stale = Some(Stale { seed: self.plan.seed, lap: number, found: found.to_string() });
                break;
            }
        }
        Ok(played)
    }

    /// Sessions and faults, side by side.
    async fn work(&self, lap: &Lap) -> Result<Outcome, Failure> {
        let mut sessions = JoinSet::new();
        for work in &lap.sessions {
            sessions.spawn(workload::session(Arc::clone(&self.scratch), work.clone()));
        }
        let Self { server, scratch, proxy, recorder, .. } = self;
        Injector { server, scratch, proxy, recorder }.inject(&lap.faults).await?;
        let mut outcome = Outcome::default();
        while let Some(session) = sessions.join_next().await {
            outcome.add(session??);
        }
        Ok(outcome)
    }

    /// The first table in which the copy is wrong, once it holds the mark. All that is committed was
    /// committed before the mark, so it has been told by then: nothing is waited for.
    async fn compare(&mut self, mark: i64) -> Result<Option<Difference>, Failure> {
        let table = quoted("public", "mark");
        let marked = |copy: &Copy| i64::try_from(copy.rows(&table).len()).is_ok_and(|marks| marks >= mark);
        let marked =
            timeout(PATIENCE, self.copy.wait_for(marked)).await.map(|copy| copy.map(|copy| copy.clone()));
        let copy = marked.unwrap_or_else(|_| Ok(self.copy.borrow().clone()))?;
        let found = copy.differences(&self.reader.everything().await?).into_iter().next();
        if found.is_none() {
            self.recorder.note(Kind::Equal { tables: copy.len() });
        }
        Ok(found)
    }
}

/// A feed that is silent for so long has lost its wakeups. Only a failure ever waits so long.
const PATIENCE: Duration = Duration::from_secs(30);
