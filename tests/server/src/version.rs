//! The version of a server, as `postgres -V` prints it.

use std::fmt;

/// A version such as `15.20`, `18beta2` or `19rc1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    major: u32,
    text: String,
}

impl Version {
    /// Reads the line that `postgres -V` prints: `postgres (PostgreSQL) 15.20 (Debian 15.20-1)`.
    pub(crate) fn from_program_output(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("(PostgreSQL)")?;
        let text = rest.split_whitespace().next()?;
        let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self { major: digits.parse().ok()?, text: text.to_owned() })
    }

    /// The number before the first dot or letter.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(u32, &str)>) {
        let version = Version::from_program_output(line);
        let seen = version.as_ref().map(|v| (v.major(), v.text.as_str()));
        assert_eq!(seen, expected, "{line}");
    }

    #[test]
    fn the_lines_of_releases_and_previews_are_read() {
        check("postgres (PostgreSQL) 15.20 (Debian 15.20-1.pgdg12+1)\n", Some((15, "15.20")));
        check("postgres (PostgreSQL) 16.14\n", Some((16, "16.14")));
        check("postgres (PostgreSQL) 19rc1\n", Some((19, "19rc1")));
    }

    #[test]
    fn other_programs_are_not_taken_for_a_server() {
        check("psql 15.20\n", None);
        check("postgres (PostgreSQL) devel\n", None);
        check("", None);
    }
}
