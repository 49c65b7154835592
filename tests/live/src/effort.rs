//! How much a run may take: the tests are quick, a proof can be thorough.

use std::time::Duration;

/// How long and how often the claims try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// With the long forms of the claims that have one.
    pub thorough: bool,
    /// How long the claims about time go on, in minutes.
    pub minutes: Option<u64>,
}

impl Effort {
    /// How often, where a thorough run takes more rounds.
    pub(crate) fn rounds(self, usual: u32, thorough: u32) -> u32 {
        if self.thorough { thorough } else { usual }
    }

    /// How long, where nobody said how many minutes.
    pub(crate) fn lasting(self, usual: Duration) -> Duration {
        self.minutes.map_or(usual, |minutes| Duration::from_secs(60 * minutes))
    }

    /// The flags that ask for it.
    pub(crate) fn flags(self) -> String {
        let thorough = if self.thorough { " --thorough" } else { "" };
        let minutes = self.minutes.map(|minutes| format!(" --minutes {minutes}"));
        format!("{thorough}{}", minutes.unwrap_or_default())
    }
}
