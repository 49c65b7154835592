//! A password that does not show itself.

use std::fmt;

/// A password, resolved for one host.
///
/// `Debug` is redacted and there is no `Display`: the text comes out of
/// [`reveal`](Password::reveal) only, which is easy to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a password; `None` if it is empty, which libpq takes for no password.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Self(text))
    }

    /// The password itself, for the authentication exchange.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_redacted() {
        let password = Password::new("hunter2");
        assert_eq!(format!("{password:?}"), "Some(Password(<redacted>))");
        assert_eq!(password.map(|p| p.reveal().len()), Some(7));
    }

    #[test]
    fn empty_is_none() {
        assert_eq!(Password::new(""), None);
    }
}
