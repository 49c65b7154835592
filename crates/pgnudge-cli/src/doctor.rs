//! `pgnudge doctor`: would a feed work here, and what has to be done where it would not?
//!
//! It finds out by doing what a feed does, with the feed of the library: log in, make a temporary slot
//! with each plugin, and receive a message that it has sent. What it only reads from the catalogs is what
//! that does not show. It leaves nothing behind: its connections are all there is of it.

mod catalog;
mod check;
mod examination;
mod login;
mod report;
mod resources;
mod tables;
mod trial;

use std::io::Write;

use crate::arguments::{DoctorArguments, Output};
use crate::failure::Failure;
use crate::json;

/// Prints what it finds. Fails when no transport works.
pub(crate) async fn run(arguments: &DoctorArguments) -> Result<(), Failure> {
    let report = examination::examine(&arguments.feed).await;
    let text = match arguments.output {
        Output::Text => report.text(console::colors_enabled()),
        Output::Json => json::line(&report).map_err(std::io::Error::from)? + "\n",
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())?;
    if report.recommended.is_some() { Ok(()) } else { Err(Failure::told()) }
}
