//! What a log must not show: connection texts, which may hold a password, and tokens.

use std::fmt;

/// A text whose `Debug` form is three dots.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("...")
    }
}

#[cfg(test)]
mod tests {
    use crate::arguments::Arguments;
    use clap::Parser;

    #[test]
    fn debug_of_a_command_line_shows_no_secrets() {
        let given = "pgnudge bridge --http 1 --http-token hunter2 --notify n --notify-dsn password=hunter2 \
                     postgres://u:hunter2@h/d";
        let shown = format!("{:?}", Arguments::try_parse_from(given.split_whitespace()).unwrap());
        assert!(shown.contains("http_token") && !shown.contains("hunter2"), "{shown}");
    }
}
