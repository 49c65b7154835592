//! Whether the claims' connections are encrypted.

use std::fmt;

/// What the product's connection texts say about TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Security {
    /// Nothing: as it is by default, or as a server's connection text has it.
    #[default]
    Given,
    /// `sslmode=disable`.
    Plain,
    /// `sslmode=require`.
    Tls,
}

impl Security {
    /// What is added to a connection URI.
    pub(crate) fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Given => None,
            Self::Plain => Some("sslmode=disable"),
            Self::Tls => Some("sslmode=require"),
        }
    }
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "as given",
            Self::Plain => "plain",
            Self::Tls => "tls",
        })
    }
}
