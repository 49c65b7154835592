//! How fast a table changes: the last ten seconds, second by second.

/// Changes per second. Seconds are counted from any beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// The place of a second is its remainder.
    recent: [u64; 10],
    /// The last second that was told.
    second: u64,
}

impl Rate {
    /// So many changes in that second, which is not before any that was told already.
    pub(super) fn add(&mut self, changes: u64, second: u64) {
        let passed = second.saturating_sub(self.second).min(SPAN);
        for n in 0..passed {
            self.recent[place(second - n)] = 0;
        }
        self.second = self.second.max(second);
        self.recent[place(second)] += changes;
    }

    /// The mean of the span that ends with that second.
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    pub(super) fn per_second(&self, second: u64) -> f64 {
        self.span(second).sum::<u64>() as f64 / SPAN as f64
    }

    /// The span as a curve, the oldest second first, on a scale of its own.
    pub(super) fn curve(&self, second: u64) -> String {
        let highest = self.span(second).max().unwrap_or(0).max(1);
        let bar = |changes: u64| {
            BARS[usize::try_from(changes.saturating_mul(7).div_ceil(highest)).unwrap_or(7).min(7)]
        };
        self.span(second).map(bar).collect()
    }

    fn span(&self, second: u64) -> impl Iterator<Item = u64> {
        (0..SPAN).rev().map(move |ago| {
            let known = |at: &u64| *at <= self.second && at + SPAN > self.second;
            second.checked_sub(ago).filter(known).map_or(0, |at| self.recent[place(at)])
        })
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % SPAN).unwrap_or(0)
}

/// In seconds.
const SPAN: u64 = 10;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_span_does_not_count() {
        let mut rate = Rate::default();
        rate.add(5, 0);
        rate.add(5, 0);
        let check = |rate: &Rate, second, per_second: f64, curve| {
            assert!((rate.per_second(second) - per_second).abs() < 1e-9, "{rate:?} at {second}");
            assert_eq!(rate.curve(second), curve, "{second}");
        };
        check(&rate, 0, 1.0, "▁▁▁▁▁▁▁▁▁█");
        check(&rate, 9, 1.0, "█▁▁▁▁▁▁▁▁▁");
        check(&rate, 10, 0.0, "▁▁▁▁▁▁▁▁▁▁");
        rate.add(20, 12);
        check(&rate, 12, 2.0, "▁▁▁▁▁▁▁▁▁█");
        rate.add(1, 15);
        check(&rate, 15, 2.1, "▁▁▁▁▁▁█▁▁▂");
        rate.add(1, 1000);
        check(&rate, 1000, 0.1, "▁▁▁▁▁▁▁▁▁█");
    }
}
