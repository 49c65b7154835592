//! The planted fault: wakeups that get lost between the feed and the copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Loses one wakeup of a table in so many. A checker that does not notice would prove nothing. Its
/// clones count together.
#[derive(Clone, Debug)]
pub struct Leak {
    one_in: u64,
    wakeups: Arc<AtomicU64>,
}

impl Leak {
    /// Loses one in `one_in`, counted.
    #[must_use]
    pub fn one_in(one_in: u64) -> Self {
        Self { one_in, wakeups: Arc::default() }
    }

    /// Loses none.
    #[must_use]
    pub fn none() -> Self {
        Self::one_in(u64::MAX)
    }

    /// Whether the next one is lost.
    pub(crate) fn loses(&self) -> bool {
        (self.wakeups.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(self.one_in)
    }

    /// How many it has lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.wakeups.load(Ordering::Relaxed) / self.one_in
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_loses_as_many_as_it_says() {
        for (leak, expected) in [(Leak::one_in(1000), 5), (Leak::none(), 0)] {
            assert_eq!((0..5000).filter(|_| leak.loses()).count(), expected);
            assert_eq!(leak.lost(), expected as u64);
        }
    }
}
