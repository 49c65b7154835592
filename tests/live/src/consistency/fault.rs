//! What is done to the connection, to its server process, or to the server.

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
    /// `pg_terminate_backend` of the feed's server processes.
    Terminate,
    /// SIGSTOP and SIGCONT of the walsender.
    Freeze(Duration),
    /// The server is stopped in order, and started.
    RestartFast,
    /// The server crashes, and recovers.
    RestartImmediate,
}

impl Scheduled {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        Self { after: dice.millis(10..150), fault: Fault::random(dice) }
    }
}

impl Fault {
    fn random(dice: &mut Dice) -> Self {
        let duration = dice.millis(20..400);
        match dice.within(0..24) {
            0..4 => Self::Reset,
            4..6 => Self::HalfOpen,
            6..10 => Self::Cut,
            10..12 => Self::Refuse(duration),
            12..14 => Self::Stall(duration),
            14..16 => Self::Trickle(duration),
            16..18 => Self::Delay(duration),
            18..20 => Self::Terminate,
            20..22 => Self::Freeze(duration),
            22 => Self::RestartFast,
            _ => Self::RestartImmediate,
        }
    }

    /// What it is called in a report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::HalfOpen => "half open",
            Self::Cut => "cut in a frame",
            Self::Refuse(_) => "refused",
            Self::Stall(_) => "stall",
            Self::Trickle(_) => "one byte at a time",
            Self::Delay(_) => "delay",
            Self::Terminate => "pg_terminate_backend",
            Self::Freeze(_) => "SIGSTOP",
            Self::RestartFast => "restart fast",
            Self::RestartImmediate => "restart immediate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_fault_comes() {
        let mut dice = Dice::new(3);
        let names: BTreeSet<_> = (0..500).map(|_| Fault::random(&mut dice).name()).collect();
        assert_eq!(names.len(), 11, "{names:?}");
    }
}
