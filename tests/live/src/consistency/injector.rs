//! Does what a plan's faults say.

use std::time::Duration;

use pgnudge_testkit::{Scratch, Server, Signal, StopMode};
use tokio::time::sleep;

use crate::Failure;
use crate::consistency::fault::{Fault, Scheduled};
use crate::consistency::proxy::{Manner, Proxy};
use crate::consistency::timeline::{Kind, Recorder};

/// What faults are done to.
pub(crate) struct Injector<'a> {
    pub(crate) server: &'a Server,
    pub(crate) scratch: &'a Scratch,
    pub(crate) proxy: &'a Proxy,
    pub(crate) recorder: &'a Recorder,
}

impl Injector<'_> {
    /// One after another; afterwards bytes pass again.
    pub(crate) async fn inject(&self, faults: &[Scheduled]) -> Result<(), Failure> {
        for Scheduled { after, fault } in faults {
            sleep(*after).await;
            self.recorder.note(Kind::Fault { fault: fault.name() });
            self.one(*fault).await?;
        }
        Ok(())
    }

    async fn one(&self, fault: Fault) -> Result<(), Failure> {
        match fault {
            Fault::Reset => self.proxy.reset(),
            Fault::HalfOpen => self.proxy.freeze(),
            Fault::Cut => self.proxy.cut(),
            Fault::Refuse(duration) => {
                self.proxy.reset();
                self.pass(Manner::Refused, duration).await;
            }
            Fault::Stall(duration) => self.pass(Manner::Stalled, duration).await,
            Fault::Trickle(duration) => self.pass(Manner::OneByOne, duration).await,
            Fault::Delay(duration) => self.pass(Manner::Late(duration / 20), duration).await,
            Fault::Terminate => self.terminate().await?,
            Fault::Freeze(duration) => self.freeze(duration).await?,
            Fault::RestartFast => self.restart(StopMode::Fast).await?,
            Fault::RestartImmediate => self.restart(StopMode::Immediate).await?,
        }
        Ok(())
    }

    async fn pass(&self, manner: Manner, duration: Duration) {
        self.proxy.pass(manner);
        sleep(duration).await;
        self.proxy.pass(Manner::AtOnce);
    }

    async fn terminate(&self) -> Result<(), Failure> {
        let client = self.scratch.connect().await?;
        client.batch_execute(TERMINATE).await?;
        Ok(())
    }

    /// A process that is gone by then cannot be stopped, and need not go on.
    async fn freeze(&self, duration: Duration) -> Result<(), Failure> {
        let frozen: Vec<_> = self.walsenders().await?.into_iter().filter_map(Frozen::new).collect();
        sleep(duration).await;
        drop(frozen);
        Ok(())
    }

    async fn walsenders(&self) -> Result<Vec<u32>, Failure> {
        let client = self.scratch.connect().await?;
        let rows = client.query(WALSENDERS, &[]).await?;
        Ok(rows.iter().map(|row| row.get::<_, i32>(0).unsigned_abs()).collect())
    }

    async fn restart(&self, mode: StopMode) -> Result<(), Failure> {
        self.server.stop(mode).await?;
        Ok(self.server.start_again().await?)
    }
}

/// A process that goes on when this is dropped, whatever happens.
struct Frozen(u32);

impl Frozen {
    fn new(pid: u32) -> Option<Self> {
        Signal::Stop.send(pid).ok().map(|()| Self(pid))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        Signal::Cont.send(self.0).ok();
    }
}

/// The feed's, its second session included.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'nudger'";

const WALSENDERS: &str = "SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'walsender'";
