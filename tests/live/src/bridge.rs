//! The program `pgnudge bridge`, running.

use std::net::{Ipv4Addr, SocketAddr};

use pgnudge_testkit::{Finished, Memory, Program, Signal, wait_until};

use crate::consumer::PATIENCE;
use crate::http::{self, EventStream};
use crate::watch::command;
use crate::{Context, Failure};

/// A running bridge with an HTTP side. It is killed when this is dropped.
#[derive(Debug)]
pub struct Bridge {
    program: Program,
    address: SocketAddr,
}

impl Bridge {
    /// Starts it on a port that is free, and waits until it is listened to there.
    ///
    /// # Errors
    /// When it cannot be started: what it says.
    pub async fn start(dsn: &str, flags: &[&str]) -> Result<Self, Failure> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), dsn, flags).await
    }

    /// The same, at an address of the caller's choice.
    pub(crate) async fn start_at(address: SocketAddr, dsn: &str, flags: &[&str]) -> Result<Self, Failure> {
        let http = format!("--http={address}");
        let program = Program::start(command()?.args(["-v", "bridge", &http]).args(flags).arg(dsn))?;
        let look = async || Ok(program.stderr());
        let says = |log: &String| log.contains(SERVING) || log.contains("error:");
        let log = wait_until("the bridge serves", PATIENCE, look, says).await?;
        let address = log.split(SERVING).nth(1).and_then(|rest| rest.split_whitespace().next());
        let address = address.ok_or_else(|| Failure::new(log.clone()))?;
        Ok(Self { program, address: address.parse()? })
    }

    /// Where it serves.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it is the active one, live, and its NOTIFY session is there.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn ready(&self) -> Result<(), Failure> {
        let look = async || Ok(self.word().await);
        wait_until("the bridge is ready", PATIENCE, look, |word| word == "streaming\n").await?;
        Ok(())
    }

    /// What it says of itself, or why it does not.
    pub(crate) async fn word(&self) -> String {
        let answer = http::get(self.address, "/readyz", &[]).await;
        answer.map_or_else(|failure| failure.to_string(), |answer| answer.body)
    }

    /// An event stream.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn events(&self, query: &str) -> Result<EventStream, Failure> {
        EventStream::open(self.address, &format!("/events{query}"), &[]).await
    }

    /// Its memory.
    ///
    /// # Errors
    /// When it has ended, or the system does not tell.
    pub fn memory(&self) -> Result<Memory, Failure> {
        Ok(Memory::of(self.program.pid()?)?)
    }

    /// Its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.program.stderr()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        Ok(self.program.signal(signal)?)
    }

    /// Kills it, and waits for its end.
    ///
    /// # Errors
    /// When it has ended before.
    pub async fn end(self, signal: Signal) -> Result<Finished, Failure> {
        self.program.signal(signal)?;
        Ok(self.program.wait(PATIENCE).await?)
    }
}

impl Context {
    /// A bridge of this database, with the plugin of the claim.
    pub(crate) async fn bridge(&self, flags: &[&str]) -> Result<Bridge, Failure> {
        let plugin = format!("--plugin={}", self.variant.flag());
        Bridge::start(&self.scratch.dsn(), &[&[plugin.as_str()], flags].concat()).await
    }

    /// Waits until that many bridges wait for the lock.
    pub(crate) async fn waiting_bridges(&self, expected: usize) -> Result<(), Failure> {
        let count = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let look = async || self.scratch.query_one_text(count).await;
        let wanted = expected.to_string();
        wait_until("bridges wait for the lock", PATIENCE, look, |found| *found == wanted).await?;
        Ok(())
    }
}

const SERVING: &str = "serving HTTP address=";
