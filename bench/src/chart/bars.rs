//! Bars to compare: a figure of each client, with least and most where there were several rounds.
//!
//! They go from left to right, for their names are long. Those of ours have a colour, the others are grey.

use std::error::Error;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Drawn};
use crate::failure::Failure;
use crate::sample::Sample;

/// What the bars of a chart show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bars<'a> {
    /// `target/bench/NAME.svg`
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    /// What the figures are, with their unit.
    pub(crate) axis: &'a str,
    pub(crate) scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// A bar that is twice as long is twice as much.
    Linear,
    /// For figures of several orders of magnitude: from one, and as far again for each doubling.
    Doubling,
}

/// One bar. Those that follow each other with the same group stand under its name.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    group: String,
    name: String,
    value: Sample,
}

/// What one line of a chart holds.
enum Row<'a> {
    Group(&'a str),
    Bar(&'a Bar),
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

impl Bars<'_> {
    /// Writes the chart; without bars, none.
    pub(crate) fn write(self, bars: impl IntoIterator<Item = Bar>) -> Result<(), Failure> {
        let bars: Vec<Bar> = bars.into_iter().collect();
        if bars.is_empty() {
            return Ok(());
        }
        super::write(self.name, size(&bars), |area| self.draw(&bars, area))
    }

    fn draw(self, bars: &[Bar], area: &Area<'_>) -> Drawn {
        let rows = rows(bars);
        let mut y: f64 = rows.iter().map(|_| 1.0).sum();
        let chart = self.axes(bars, y, area)?;
        let edge = i32::try_from(MARGIN + names(bars))?;
        for row in rows {
            y -= 1.0;
            let (_, middle) = chart.backend_coord(&(0.0, y + 0.5));
            match row {
                Row::Group(name) => {
                    let bold = ("sans-serif", 14, FontStyle::Bold).into_text_style(area);
                    area.draw_text(name, &bold.pos(AFTER), (i32::try_from(MARGIN)?, middle))?;
                }
                Row::Bar(bar) => {
                    let plain = ("sans-serif", 14).into_text_style(area);
                    area.draw_text(&bar.name, &plain.pos(BEFORE), (edge - GAP, middle))?;
                    self.draw_bar(bar, y, &chart)?;
                    let (end, _) = chart.backend_coord(&(self.place(bar.value.max).max(0.0), y));
                    area.draw_text(&bar.figures(), &plain.pos(AFTER), (end + GAP, middle))?;
                }
            }
        }
        Ok(())
    }

    /// Everything but the bars. Of the vertical axis one is a row.
    fn axes<'a, 'b>(
        self,
        bars: &[Bar],
        rows: f64,
        area: &'a Area<'b>,
    ) -> Result<Chart<'a, 'b>, Box<dyn Error>> {
        let least = bars.iter().map(|bar| self.place(bar.value.min)).fold(0.0, f64::min);
        let most = bars.iter().map(|bar| self.place(bar.value.max)).fold(self.shortest(), f64::max);
        let is_spread = bars.iter().any(|bar| bar.value.min < bar.value.max);
        let spread = if is_spread { ": median (least … most)" } else { "" };
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .margin_right(MARGIN + room(bars.iter().map(Bar::figures)))
            .caption(self.title, ("sans-serif", 18))
            .x_label_area_size(AXIS)
            .y_label_area_size(names(bars))
            .build_cartesian_2d(least..most, 0.0..rows)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .x_desc(format!("{}{spread}", self.axis))
            .x_labels(6)
            .label_style(("sans-serif", 14))
            .x_label_formatter(&|&place| brief(self.figure(place)))
            .draw()?;
        Ok(chart)
    }

    /// A bar, and over it a line from the least to the most.
    fn draw_bar(self, bar: &Bar, y: f64, chart: &Chart<'_, '_>) -> Drawn {
        let [least, end, most] =
            [bar.value.min, bar.value.median, bar.value.max].map(|figure| self.place(figure));
        let plot = chart.plotting_area();
        plot.draw(&Rectangle::new([(0.0, y + 0.1), (end, y + 0.9)], bar.colour().filled()))?;
        plot.draw(&PathElement::new([(least, y + 0.5), (most, y + 0.5)], BLACK.stroke_width(2)))?;
        Ok(())
    }

    /// How far the axis goes at least: among multiples it has whole ones.
    fn shortest(self) -> f64 {
        match self.scale {
            Scale::Linear => f64::MIN_POSITIVE,
            Scale::Doubling => 3.0,
        }
    }

    /// How far to the right a figure is.
    fn place(self, figure: f64) -> f64 {
        match self.scale {
            Scale::Linear => figure,
            Scale::Doubling => figure.max(0.1).log2(),
        }
    }

    /// What is so far to the right.
    fn figure(self, place: f64) -> f64 {
        match self.scale {
            Scale::Linear => place,
            Scale::Doubling => place.exp2(),
        }
    }
}

impl Bar {
    pub(crate) fn new(group: &str, name: &str, value: Sample) -> Self {
        Self { group: group.to_owned(), name: name.to_owned(), value }
    }

    fn colour(&self) -> RGBColor {
        if OURS.iter().any(|ours| self.name.starts_with(ours)) { COLOUR } else { GREY }
    }

    /// The median, and the range where there is one.
    fn figures(&self) -> String {
        let Sample { median, min, max } = self.value;
        if min < max {
            format!("{} ({} … {})", short(median), short(min), short(max))
        } else {
            short(median)
        }
    }
}

fn rows<'a>(bars: &'a [Bar]) -> Vec<Row<'a>> {
    let group = |bars: &'a [Bar]| {
        let name = bars.first().map(|bar| Row::Group(&bar.group));
        name.into_iter().chain(bars.iter().map(Row::Bar))
    };
    bars.chunk_by(|a, b| a.group == b.group).flat_map(group).collect()
}

/// As wide as every other picture, and as high as its rows.
fn size(bars: &[Bar]) -> (u32, u32) {
    let rows = u32::try_from(rows(bars).len()).unwrap_or(0);
    (WIDTH, 2 * MARGIN + CAPTION + rows * ROW + AXIS)
}

/// The room that the bars' names need.
fn names(bars: &[Bar]) -> u32 {
    room(bars.iter().map(|bar| bar.name.clone()))
}

/// As wide as the longest text, about.
fn room(texts: impl Iterator<Item = String>) -> u32 {
    let longest = texts.map(|text| text.chars().count()).max().unwrap_or(0);
    u32::try_from(longest).unwrap_or(0) * LETTER + 20
}

/// Three digits of a figure, or all those before the point.
fn short(figure: f64) -> String {
    let digits = match figure.abs() {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    format!("{figure:.digits$}")
}

/// A figure at the axis: without the noughts that say nothing.
fn brief(figure: f64) -> String {
    let figure = short(figure);
    if figure.contains('.') { figure.trim_end_matches('0').trim_end_matches('.').to_owned() } else { figure }
}

/// How the names of ours begin: the product, and what it asks of a plugin.
const OURS: [&str; 2] = ["pgnudge", "as a feed asks"];
const COLOUR: RGBColor = RGBColor(86, 160, 210);
const GREY: RGBColor = RGBColor(190, 190, 190);

// All in pixels.
const WIDTH: u32 = 860;
const MARGIN: u32 = 12;
const CAPTION: u32 = 24;
const ROW: u32 = 20;
/// For the horizontal axis and its words.
const AXIS: u32 = 44;
/// Of a letter, about.
const LETTER: u32 = 7;
const GAP: i32 = 8;

const BEFORE: Pos = Pos { h_pos: HPos::Right, v_pos: VPos::Center };
const AFTER: Pos = Pos { h_pos: HPos::Left, v_pos: VPos::Center };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::svg;

    fn bar(group: &str, name: &str, [min, median, max]: [f64; 3]) -> Bar {
        Bar::new(group, name, Sample { median, min, max })
    }

    fn drawn(scale: Scale, bars: &[Bar]) -> String {
        let chart = Bars { name: "name", title: "A title", axis: "CPU, ms", scale };
        svg(size(bars), |area| chart.draw(bars, area)).unwrap()
    }

    /// The widths of the bars, in their order.
    fn widths(svg: &str) -> Vec<i32> {
        let number = |text: &str| text.split('"').nth(1).and_then(|number| number.parse().ok());
        let rectangles = svg.split("<rect ").skip(2); // The first is the ground.
        rectangles.filter_map(|rectangle| number(rectangle.split_once("width=")?.1)).collect()
    }

    #[test]
    fn everything_is_named_once_and_has_its_figures() {
        let ours = bar("wal2json", "pgnudge", [1.0, 2.0, 3.0]);
        let svg = drawn(Scale::Linear, &[ours, bar("wal2json", "theirs", [123.4; 3])]);
        for word in ["A title", "CPU, ms", "wal2json", "pgnudge", "2.00 (1.00 … 3.00)", "theirs", "\n123\n"]
        {
            assert_eq!(svg.matches(word).count(), 1, "{word}: {svg}");
        }
        assert_eq!(svg.matches("#56A0D2").count(), 1, "ours alone has a colour: {svg}");
    }

    #[test]
    fn lengths_are_as_the_figures_or_as_their_logarithms() {
        let bars = [bar("", "a", [4.0; 3]), bar("", "b", [8.0; 3]), bar("", "c", [16.0; 3])];
        for (scale, shares) in [(Scale::Linear, [4, 8, 16]), (Scale::Doubling, [2, 3, 4])] {
            let widths = widths(&drawn(scale, &bars));
            let [_, _, longest] = shares;
            let expected = shares.map(|share| widths[2] * share / longest);
            let near = |(width, expected): (&i32, &i32)| (width - expected).abs() <= 1;
            assert!(widths.iter().zip(&expected).all(near), "{scale:?}: {widths:?}, {expected:?}");
        }
    }
}
