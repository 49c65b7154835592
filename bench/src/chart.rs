//! Measurements as pictures, beside the tables that say the same.
//!
//! The ground is white, so that a picture can be read on a page of any colour.

mod bars;
mod curves;

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::failure::Failure;
use crate::report;

pub(crate) use bars::{Bar, Bars, Scale};
pub(crate) use curves::write_curves;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Writes `target/bench/NAME.svg`.
fn write(name: &str, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<(), Failure> {
    let svg = svg(size, draw).map_err(|error| Failure::new(format!("{name}: {error}")))?;
    report::write(&format!("{name}.svg"), &svg)
}

fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        area.fill(&WHITE)?;
        draw(&area)?;
        area.present()?;
    }
    Ok(text)
}
