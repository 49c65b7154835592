//! How many measurements are spread.

use serde::Serialize;

/// What half, nine in ten, 99 in a hundred and all of some figures are at most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Percentiles {
    /// Of at least one figure.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let within =
            |percent: usize| figures.get((figures.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Self { p50: within(50)?, p90: within(90)?, p99: within(99)?, max: within(100)? })
    }

    /// As cells of a table.
    pub(crate) fn cells(&self, digits: usize) -> [String; 4] {
        [self.p50, self.p90, self.p99, self.max].map(|figure| format!("{figure:.digits$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_at_most_that() {
        let hundred = Percentiles::of((1..=100).rev().map(f64::from));
        assert_eq!(hundred, Some(Percentiles { p50: 50.0, p90: 90.0, p99: 99.0, max: 100.0 }));
        let one = Percentiles::of([7.0]);
        assert_eq!(one, Some(Percentiles { p50: 7.0, p90: 7.0, p99: 7.0, max: 7.0 }));
        assert_eq!(Percentiles::of([]), None);
    }
}
