//! What is done to the connection, to processes of the server, to the server, or to its standby.

use std::time::Duration;

use crate::consistency::dice::Dice;

/// One fault, and what was left of the rest before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scheduled {
    /// How long after the one before, or after the begin of the lap.
    pub(crate) after: Duration,
    pub(crate) fault: Fault,
}

/// A fault. Those with a duration end by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// All connections are reset (RST).
    Reset,
    /// The existing connections go silent for good, in both directions, and nobody is told.
    HalfOpen,
    /// The same of those that are idle, as a middle box does that forgets them.
    Forget,
    /// The next bytes of the server end in their middle, and so does the connection.
    Cut,
    /// New connections are reset, and the existing ones first.
    Refuse(Duration),
    /// Nothing passes for a while.
    Stall(Duration),
    /// Bytes pass one by one.
    Trickle(Duration),
    /// What passes is late.
    Delay(Duration),
    /// The connections are made again, and what the server says arrives in lumps.
    Lumps(Duration),
    /// `pg_terminate_backend` of the feed's server processes.
    Terminate,
    /// SIGSTOP and SIGCONT of the walsender.
    Freeze(Duration),
    /// The same of the sessions that write, again and again while they do; the number decides when.
    FreezeWriters(u64),
    /// The server is stopped in order, and started.
    RestartFast,
    /// The server crashes, and recovers.
    RestartImmediate,
    /// From now on each commit waits for a synchronous standby that is not there.
    StandbyLeaves,
    /// Commits wait for none any more.
    StandbyReturns,
    /// Beside commits that wait, one that does not: it must reach the copy within a bound.
    Probe,
    /// The same of a table that is not decoded: the opt-in `failsafe` must bring it.
    ProbeUnlogged,
    /// Once the feed has a slot again, a row of that table above is committed, which waits for a synchronous
    /// standby that is not there.
    CommitBehindSlot(u64),
    /// The replica replays nothing for a while.
    PauseReplay(Duration),
    /// The subscriber gives up its seat at the hub, and takes another one.
    Rejoin,
    /// The standby falls behind, the primary fails, and the standby is promoted.
    Failover,
    /// The primary is stopped in order, and the standby is promoted.
    Promote,
}

impl Scheduled {
    pub(crate) fn new(after: Duration, fault: Fault) -> Self {
        Self { after, fault }
    }

    pub(crate) fn random(dice: &mut Dice) -> Self {
        Self { after: dice.millis(10..150), fault: Fault::random(dice) }
    }
}

impl Fault {
    /// One that any round survives.
    fn random(dice: &mut Dice) -> Self {
        let duration = dice.millis(20..400);
        match dice.within(0..28) {
            0..4 => Self::Reset,
            4..6 => Self::HalfOpen,
            6..10 => Self::Cut,
            10..12 => Self::Refuse(duration),
            12..14 => Self::Stall(duration),
            14..16 => Self::Trickle(duration),
            16..18 => Self::Delay(duration),
            18..20 => Self::Terminate,
            20..22 => Self::Freeze(duration),
            22..24 => Self::Forget,
            24..26 => Self::Lumps(duration),
            26 => Self::RestartFast,
            _ => Self::RestartImmediate,
        }
    }

    /// What it is called in a report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::HalfOpen => "half open",
            Self::Forget => "idle and forgotten",
            Self::Cut => "cut in a frame",
            Self::Refuse(_) => "refused",
            Self::Stall(_) => "stall",
            Self::Trickle(_) => "one byte at a time",
            Self::Delay(_) => "delay",
            Self::Lumps(_) => "lumps",
            Self::Terminate => "pg_terminate_backend",
            Self::Freeze(_) => "SIGSTOP",
            Self::FreezeWriters(_) => "SIGSTOP of writers",
            Self::RestartFast => "restart fast",
            Self::RestartImmediate => "restart immediate",
            Self::StandbyLeaves => "standby leaves",
            Self::StandbyReturns => "standby returns",
            Self::Probe => "probe",
            Self::ProbeUnlogged => "probe of failsafe",
            Self::CommitBehindSlot(_) => "commit behind the slot",
            Self::PauseReplay(_) => "replay paused",
            Self::Rejoin => "rejoin",
            Self::Failover => "failover",
            Self::Promote => "promotion",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_fault_of_the_connection_and_the_server_comes() {
        let mut dice = Dice::new(3);
        let names: BTreeSet<_> = (0..500).map(|_| Fault::random(&mut dice).name()).collect();
        assert_eq!(names.len(), 13, "{names:?}");
    }
}
