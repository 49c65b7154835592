//! What several rounds have shown.

use serde::Serialize;

/// Median, least and most of some figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Sample {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Sample {
    /// Of at least one figure.
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let (min, max) = (*figures.first()?, *figures.last()?);
        let (below, above) = (figures.get((figures.len() - 1) / 2)?, figures.get(figures.len() / 2)?);
        Some(Self { median: f64::midpoint(*below, *above), min, max })
    }

    /// Of a figure that was measured once.
    pub(crate) fn once(figure: f64) -> Self {
        Self { median: figure, min: figure, max: figure }
    }

    /// The same in another unit: so many of this one.
    pub(crate) fn per(self, unit: f64) -> Self {
        Self { median: self.median / unit, min: self.min / unit, max: self.max / unit }
    }

    /// The median, as a cell of a table.
    pub(crate) fn cell(&self, digits: usize) -> String {
        format!("{:.digits$}", self.median)
    }

    /// Least and most.
    pub(crate) fn range(&self, digits: usize) -> String {
        format!("{:.digits$} … {:.digits$}", self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two() {
        let odd = Sample::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!(odd, Some(Sample { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Sample::of([1.0, 4.0].into_iter()).map(|s| s.median), Some(2.5));
        assert_eq!(Sample::of([].into_iter()), None);
    }
}
