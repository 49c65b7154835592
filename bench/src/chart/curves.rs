//! How measurements are spread, as a picture: a curve says of how many of them a time is the most.
//!
//! The times go from microseconds to a second, so the axis is logarithmic.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Drawn};
use crate::failure::Failure;

/// One curve: its name and its measurements in microseconds.
pub(crate) type Curve<'a> = (String, &'a [f64]);

/// Writes `target/bench/NAME.svg`.
pub(crate) fn write_curves(name: &str, title: &str, curves: &[Curve<'_>]) -> Result<(), Failure> {
    super::write(name, SIZE, |area| draw(title, curves, area))
}

fn draw(title: &str, curves: &[Curve<'_>], area: &Area<'_>) -> Drawn {
    let most = curves.iter().flat_map(|(_, micros)| micros.iter().copied()).fold(FIRST, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(NAMES)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d(FIRST.log10()..most.log10() + 0.05, 0.0..100.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("from COMMIT to the consumer (what is less than 10 µs is at the left edge)")
        .y_desc("% of the commits")
        .x_labels(7)
        .y_labels(6)
        .label_style(("sans-serif", 14))
        .y_label_formatter(&|percent| format!("{percent:.0}"))
        .x_label_formatter(&|exponent| duration(10_f64.powf(*exponent)))
        .draw()?;
    let (right, _) = area.dim_in_pixel();
    let left = i32::try_from(right - NAMES)? + 20;
    let text = ("sans-serif", 13).into_text_style(area).pos(Pos { h_pos: HPos::Left, v_pos: VPos::Center });
    for (((name, micros), colour), y) in curves.iter().zip(COLOURS.iter().cycle()).zip((60..).step_by(22)) {
        let line = colour.stroke_width(2);
        chart.draw_series(LineSeries::new(cumulative(micros), line))?;
        // Beside the curves, for they may be anywhere.
        area.draw(&PathElement::new([(left, y), (left + 16, y)], line))?;
        area.draw_text(name, &text, (left + 24, y))?;
    }
    Ok(())
}

/// From logarithms of times to percents: at most some hundred points, among them the last.
fn cumulative(micros: &[f64]) -> Vec<(f64, f64)> {
    let mut micros = micros.to_vec();
    micros.sort_by(f64::total_cmp);
    let step = micros.len().div_ceil(400).max(1);
    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    let point = |n: usize| {
        let time = micros.get(n).map_or(FIRST, |time| time.max(FIRST));
        (time.log10(), (n + 1) as f64 / micros.len() as f64 * 100.0)
    };
    let mut points: Vec<_> = (0..micros.len()).step_by(step).map(point).collect();
    points.extend(micros.len().checked_sub(1).map(point));
    points
}

fn duration(micros: f64) -> String {
    match micros {
        _ if micros >= 999_999.0 => format!("{:.0} s", micros / 1e6),
        _ if micros >= 999.9 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{micros:.0} µs"),
    }
}

/// Where the axis begins, in microseconds.
const FIRST: f64 = 10.0;
const SIZE: (u32, u32) = (1080, 480);
/// The room for the curves' names, in pixels.
const NAMES: u32 = 320;
/// Told apart also by those who do not see all colours (after Okabe and Ito).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(140, 200, 60),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::svg;

    #[test]
    fn a_curve_ends_with_all_of_them_at_the_longest_time() {
        let micros: Vec<f64> = (1..=1_000).map(|n| f64::from(n) * 100.0).collect();
        let points = cumulative(&micros);
        assert_eq!(points.last(), Some(&(5.0, 100.0)));
        assert!(points.len() < 500 && points.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1));
        assert_eq!(cumulative(&[]), []);
    }

    #[test]
    fn every_curve_is_drawn_and_named() {
        let curves: [Curve<'_>; 2] = [("ours".into(), &[-3.0, 100.0]), ("theirs".into(), &[1e6])];
        let svg = svg(SIZE, |area| draw("title", &curves, area)).unwrap();
        assert!(["title", "ours", "theirs"].iter().all(|word| svg.contains(word)), "{svg}");
        // Each as a line, and as a mark beside its name.
        assert_eq!(svg.matches("stroke-width=\"2\"").count(), 4, "{svg}");
    }
}
