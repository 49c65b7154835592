//! Where reading a text differs from libpq, on purpose, as data.

use pgnudge::settings::{ConnectionText, KEYWORDS, PercentError, TextError, UriError};

/// Ours: values, or an error.
pub(crate) type Ours = Result<ConnectionText, TextError>;

/// One difference from libpq.
pub(crate) struct Difference {
    /// Why it is there.
    pub(crate) reason: &'static str,
    /// libpq's major version from which on there is no difference.
    pub(crate) until: u8,
    /// A text that shows it.
    pub(crate) example: &'static str,
    /// Whether a text is concerned, given what we make of it.
    pub(crate) concerns: fn(text: &str, ours: &Ours) -> bool,
}

const ALWAYS: u8 = u8::MAX;

/// Every difference. Each must show on its example.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "texts are UTF-8 here, bytes there",
        until: ALWAYS,
        example: "postgres://h/%ff",
        concerns: |_, ours| {
            matches!(ours, Err(TextError::Uri(UriError::Percent(PercentError::NotUtf8 { .. }))))
        },
    },
    Difference {
        reason: "a password with a raw @ or / would end up as a host, in errors and in DNS",
        until: ALWAYS,
        example: "postgres://u:p@ss@h/db",
        concerns: |_, ours| matches!(ours, Err(TextError::Uri(UriError::UnencodedUserInfo))),
    },
    Difference {
        reason: "before 18, libpq keeps raw spaces in URIs",
        until: 18,
        example: "postgres://h ost/db",
        concerns: |text, _| is_uri(text) && text.contains(' '),
    },
    Difference {
        reason: "libpq 15 does not know sslcertmode, require_auth, gssdelegation, load_balance_hosts",
        until: 16,
        example: "load_balance_hosts=random",
        concerns: |text, _| names_keyword_since(text, 16),
    },
    Difference {
        reason: "before 17, libpq does not know sslnegotiation",
        until: 17,
        example: "sslnegotiation=direct",
        concerns: |text, _| names_keyword_since(text, 17),
    },
    Difference {
        reason: "before 18, libpq does not know protocol versions, SCRAM keys, OAuth, sslkeylogfile",
        until: 18,
        example: "postgres://h?min_protocol_version=3.0",
        concerns: |text, _| names_keyword_since(text, 18),
    },
    Difference {
        reason: "before 19, libpq does not know servicefile and oauth_ca_file",
        until: 19,
        example: "servicefile=/x",
        concerns: |text, _| names_keyword_since(text, 19),
    },
];

fn is_uri(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

fn names_keyword_since(text: &str, major: u8) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.since == major && text.contains(keyword.name))
}
