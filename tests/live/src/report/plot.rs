//! Figures as SVG, drawn by `plotters`.
//!
//! A picture has no colours of its own: where plotters wants one, it gets a placeholder, which
//! becomes a variable of the page's style. So it is light or dark as the page is.

use plotters::coord::ranged1d::{NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::{Failure, Figure, Series, Shape};

/// The figure as an `<svg>` element; of one without points, nothing.
pub(super) fn svg(figure: &Figure) -> Result<String, Failure> {
    if figure.series.iter().all(|series| series.points.is_empty()) {
        return Ok(String::new());
    }
    let mut text = String::new();
    {
        let lanes = u32::try_from(figure.series.len()).unwrap_or(1);
        let height = if figure.shape == Shape::Timeline { 60 + 26 * lanes } else { HEIGHT };
        let area = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        match figure.shape {
            Shape::Lines => lines(figure, &area, |x| x),
            Shape::Doubling => lines(figure, &area, f64::log2),
            Shape::Histogram => histogram(figure, &area),
            Shape::Timeline => timeline(figure, &area),
        }
        .map_err(|error| Failure::new(format!("{}: {error}", figure.title)))?;
        area.present().map_err(|error| Failure::new(error.to_string()))?;
    }
    Ok(in_the_pages_colours(&text))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Each series is a line through its points.
fn lines(figure: &Figure, area: &Area<'_>, place: fn(f64) -> f64) -> Drawn {
    let xs = || figure.series.iter().flat_map(|series| series.points.iter().map(|&(x, _)| place(x)));
    let ys = figure.series.iter().flat_map(|series| series.points.iter().map(|&(_, y)| y));
    let (left, right) = (xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max));
    let top = ys.fold(0.0, f64::max) * 1.08;
    let mut chart = chart(area, 58).build_cartesian_2d(left..right.max(left + 1e-9), 0.0..top.max(1e-9))?;
    let undo = if figure.shape == Shape::Doubling { f64::exp2 } else { |x: f64| x };
    mesh(&mut chart, figure, &|x| short(undo(*x)), &|y| short(*y))?;
    for Series { points, tone, .. } in &figure.series {
        let points = points.iter().map(|&(x, y)| (place(x), y));
        let colour = SERIES[tone % SERIES.len()];
        chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
        if figure.shape == Shape::Doubling {
            chart.draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))?;
        }
    }
    Ok(())
}

/// How many measurements there are of each size. What is beyond the last percentile but a half is in
/// the last bar, so that one stray measurement does not make the rest a line at the left.
fn histogram(figure: &Figure, area: &Area<'_>) -> Drawn {
    let mut all: Vec<f64> = figure.series.iter().flat_map(|s| s.points.iter().map(|&(x, _)| x)).collect();
    all.sort_by(f64::total_cmp);
    let (Some(&first), Some(&end)) = (all.first(), all.get((all.len() * 199 / 200).min(all.len() - 1)))
    else {
        return Ok(());
    };
    let width = ((end - first) / BARS).max(1e-6);
    let bars: Vec<Vec<f64>> = figure.series.iter().map(|series| count(series, first, width)).collect();
    let top = bars.iter().flatten().fold(1.0, |top: f64, &n| top.max(n)) * 1.08;
    let mut chart = chart(area, 58).build_cartesian_2d(first..first + width * BARS, 0.0..top)?;
    mesh(&mut chart, figure, &|x| short(*x), &|y| short(*y))?;
    let all = u8::try_from(bars.len()).map_or(1.0, f64::from);
    for (number, bars) in bars.iter().enumerate() {
        let colour = SERIES[number % SERIES.len()];
        let offset = width / all * u8::try_from(number).map_or(0.0, f64::from);
        let mut left = first + offset;
        for &height in bars {
            let corners = [(left, 0.0), (left + width / all * 0.86, height)];
            chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            left += width;
        }
    }
    Ok(())
}

/// How many points there are in each bar.
fn count(series: &Series, first: f64, width: f64) -> Vec<f64> {
    let mut bars = Vec::new();
    let mut begin = first;
    let mut left: Vec<f64> = series.points.iter().map(|&(x, _)| x).collect();
    left.sort_by(f64::total_cmp);
    for bar in 1..=BARS_COUNT {
        let inside =
            if bar == BARS_COUNT { left.len() } else { left.partition_point(|&x| x < begin + width) };
        bars.push(u32::try_from(left.drain(..inside).count()).map_or(0.0, f64::from));
        begin += width;
    }
    bars
}

/// Each series is a lane, with bars for what lasted and marks for what did not.
fn timeline(figure: &Figure, area: &Area<'_>) -> Drawn {
    let ends =
        figure.series.iter().flat_map(|series| series.points.iter().map(|&(begin, took)| begin + took));
    let end = ends.fold(0.0, f64::max).max(1e-6);
    let lanes = u32::try_from(figure.series.len()).map_or(1.0, f64::from);
    let mut chart = chart(area, 148).build_cartesian_2d(0.0..end * 1.01, Lanes(0.0..lanes, figure))?;
    mesh(&mut chart, figure, &|x| short(*x), &|y| lane_name(figure, *y))?;
    let mut middle = lanes - 0.5;
    for series in &figure.series {
        let colour = SERIES[series.tone % SERIES.len()];
        for &(begin, took) in &series.points {
            let corners = [(begin, middle - 0.28), (begin + took.max(end / 400.0), middle + 0.28)];
            chart.draw_series([Rectangle::new(corners, colour.filled())])?;
        }
        middle -= 1.0;
    }
    Ok(())
}

/// The name of the lane with that middle; the first series is on top.
fn lane_name(figure: &Figure, middle: f64) -> String {
    let mut at = u32::try_from(figure.series.len()).map_or(0.0, f64::from) - 0.5;
    for series in &figure.series {
        if (at - middle).abs() < 0.1 {
            return series.name.clone();
        }
        at -= 1.0;
    }
    String::new()
}

/// The vertical axis of a timeline: a label in the middle of each lane.
struct Lanes<'a>(std::ops::Range<f64>, &'a Figure);

impl Ranged for Lanes<'_> {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.0.clone()).map(value, limit)
    }

    fn key_points<Hint: plotters::coord::ranged1d::KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        (0..self.1.series.len()).map(|lane| u32::try_from(lane).map_or(0.0, f64::from) + 0.5).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.0.clone()
    }
}

impl ValueFormatter<f64> for Lanes<'_> {
    fn format_ext(&self, value: &f64) -> String {
        lane_name(self.1, *value)
    }
}

fn chart<'a, 'b>(area: &'a Area<'b>, left: u32) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut chart = ChartBuilder::on(area);
    chart.margin(6).margin_right(18).x_label_area_size(44).y_label_area_size(left);
    chart
}

/// Axes with their words, and thin lines behind the data.
fn mesh<X, Y>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<X, Y>>,
    figure: &Figure,
    across: &dyn Fn(&f64) -> String,
    up: &dyn Fn(&f64) -> String,
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let font = ("sans-serif", 12.5).into_font().color(&WORDS);
    chart
        .configure_mesh()
        .x_labels(7)
        .y_labels(6)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(font.clone())
        .axis_desc_style(font)
        .x_desc(figure.across.as_str())
        .y_desc(figure.up.as_str())
        .x_label_formatter(across)
        .y_label_formatter(up)
        .draw()?;
    Ok(())
}

/// A number as short as it can be told apart.
fn short(number: f64) -> String {
    let digits = match number.abs() {
        size if size >= 10.0 || (size - size.round()).abs() < 0.005 => 0,
        size if size >= 1.0 => 1,
        _ => 2,
    };
    format!("{number:.digits$}")
}

/// Placeholders become variables.
fn in_the_pages_colours(svg: &str) -> String {
    let series = SERIES.iter().enumerate().map(|(n, &colour)| (colour, format!("var(--series-{})", n + 1)));
    let others = [(WORDS, "var(--quiet)".to_owned()), (GRID, "var(--grid)".to_owned())];
    let mut text = svg.to_owned();
    for (RGBColor(red, green, blue), variable) in series.chain(others) {
        text = text.replace(&format!("#{red:02X}{green:02X}{blue:02X}"), &variable);
    }
    text
}

const WIDTH: u32 = 560;
const HEIGHT: u32 = 270;
const BARS_COUNT: u32 = 48;
const BARS: f64 = 48.0;
/// How many colours the page has for series.
pub(super) const COLOURS: usize = 4;
const SERIES: [RGBColor; COLOURS] =
    [RGBColor(1, 2, 3), RGBColor(1, 2, 4), RGBColor(1, 2, 5), RGBColor(1, 2, 6)];
const WORDS: RGBColor = RGBColor(1, 2, 7);
const GRID: RGBColor = RGBColor(1, 2, 8);

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(shape: Shape) -> Figure {
        let figure = Figure::new("title", shape, ["s", "MB"], "caption");
        figure.with("ours", vec![(1.0, 2.0), (2.0, 4.0), (4.0, 1.0)]).with("theirs", vec![(1.5, 3.0)])
    }

    #[test]
    fn every_shape_is_drawn_in_the_colours_of_the_page() {
        for shape in [Shape::Lines, Shape::Doubling, Shape::Histogram, Shape::Timeline] {
            let svg = svg(&figure(shape)).unwrap();
            assert!(svg.contains("var(--series-1)") && svg.contains("var(--series-2)"), "{shape:?}: {svg}");
            assert!(!svg.contains("#01020"), "{shape:?}: a placeholder is left");
        }
    }

    #[test]
    fn a_figure_without_points_is_nothing() {
        for shape in [Shape::Lines, Shape::Doubling, Shape::Histogram, Shape::Timeline] {
            assert_eq!(svg(&Figure::new("nothing", shape, ["s", "MB"], "")).unwrap(), "");
        }
    }

    #[test]
    fn every_measurement_is_in_a_bar() {
        let series =
            Series { name: String::new(), points: vec![(0.0, 0.0), (5.0, 0.0), (1e9, 0.0)], tone: 0 };
        assert!((count(&series, 0.0, 1.0).iter().sum::<f64>() - 3.0).abs() < f64::EPSILON);
    }
}
