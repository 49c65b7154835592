//! What a claim measured, as something to draw.
//!
//! A claim hands figures in with its evidence; how they look is the report's affair.

use serde::Serialize;

/// One picture: its words, its axes and what is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// A heading. Figures with the same one show the same thing, of other servers or plugins.
    pub title: String,
    /// What is to be seen in it, one or two sentences.
    pub caption: String,
    /// What the horizontal axis tells, with its unit.
    pub across: String,
    /// What the vertical axis tells, with its unit. A timeline has lanes instead.
    pub up: String,
    /// How the points are drawn.
    pub shape: Shape,
    /// Named one by one; the first is the product where it is compared with another.
    pub series: Vec<Series>,
}

/// How points become a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Each series is a line through its points.
    Lines,
    /// The same, with powers of two across.
    Doubling,
    /// Each point is a measurement, its first value: how many there are of each size.
    Histogram,
    /// Each series is a lane; a point is when something began, and how long it lasted.
    Timeline,
}

/// Points with a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// What they are of.
    pub name: String,
    /// In order.
    pub points: Vec<(f64, f64)>,
    /// The number of its colour.
    pub tone: usize,
}

impl Figure {
    /// A picture without anything in it.
    #[must_use]
    pub fn new(title: &str, shape: Shape, [across, up]: [&str; 2], caption: impl Into<String>) -> Self {
        let [title, across, up] = [title, across, up].map(str::to_owned);
        Self { title, caption: caption.into(), across, up, shape, series: Vec::new() }
    }

    /// The same, with a series more, of a colour of its own.
    #[must_use]
    pub fn with(self, name: &str, points: Vec<(f64, f64)>) -> Self {
        let tone = self.series.len();
        self.with_toned(name, tone, points)
    }

    /// The same, in the colour of that number.
    #[must_use]
    pub fn with_toned(mut self, name: &str, tone: usize, points: Vec<(f64, f64)>) -> Self {
        self.series.push(Series { name: name.to_owned(), points, tone });
        self
    }
}
