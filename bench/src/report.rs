//! Where results go: a table on standard output, JSON beside the built programs.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use crate::failure::Failure;

/// A table with a heading line. The first column is text, the others are figures.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self { rows: vec![columns.iter().map(|&column| column.to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// As Markdown writes it, so that it can go into a page as it is.
    pub(crate) fn print(&self) {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |n: usize| self.rows.iter().filter_map(|row| row.get(n)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|n| width(n).unwrap_or(0)).collect();
        for (line, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate().map(|(n, (cell, &width))| {
                if n == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
            if line == 0 {
                let rule = |(n, &width): (usize, &usize)| {
                    if n == 0 { "-".repeat(width + 2) } else { format!("{}:", "-".repeat(width + 1)) }
                };
                println!("|{}|", widths.iter().enumerate().map(rule).collect::<Vec<_>>().join("|"));
            }
        }
    }
}

/// Writes `target/bench/NAME.json` and says so.
pub(crate) fn write_json(name: &str, results: &impl Serialize) -> Result<(), Failure> {
    write(&format!("{name}.json"), &serde_json::to_string_pretty(results)?)
}

/// Writes a file in `target/bench` and says so.
pub(crate) fn write(file: &str, text: &str) -> Result<(), Failure> {
    // target/release/bench
    let program = std::env::current_exe()?;
    let target: PathBuf = program.ancestors().nth(2).unwrap_or(&program).join("bench");
    fs::create_dir_all(&target)?;
    let path = target.join(file);
    fs::write(&path, text)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}
