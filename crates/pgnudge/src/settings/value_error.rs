//! A value that a keyword cannot have.

use std::borrow::Cow;
use std::fmt;

use super::keyword::{Keyword, Reason};
use super::origin::Origin;

/// A keyword's value is invalid, or asks for something that this client does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError {
    /// The keyword.
    pub keyword: &'static str,
    /// The value; none if it is a secret, or may be one.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Nobody could make sense of it. The text says what is allowed.
    Invalid(Cow<'static, str>),
    /// libpq could act on it, this client cannot. The text says why.
    Unsupported(Reason),
}

impl ValueError {
    pub(super) fn new(keyword: &'static str, value: &str, origin: &Origin, problem: Problem) -> Self {
        let secret = Keyword::named(keyword).is_none_or(Keyword::is_secret);
        Self { keyword, value: (!secret).then(|| value.to_owned()), origin: origin.clone(), problem }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.problem {
            Problem::Invalid(_) => "invalid",
            Problem::Unsupported(_) => "unsupported",
        };
        write!(f, "{verdict} {} ", self.keyword)?;
        match &self.value {
            Some(value) => write!(f, "value {}", quoted(value))?,
            None => f.write_str("value (not shown)")?,
        }
        write!(f, " from {}: ", self.origin)?;
        match &self.problem {
            Problem::Invalid(allowed) => write!(f, "allowed is {allowed}"),
            Problem::Unsupported(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ValueError {}

/// A value in quotes, without control characters, and cut if it is long: values
/// come from files and variables that anybody may have written.
pub(super) fn quoted(value: &str) -> String {
    match value.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{:?}…", &value[..end]),
        None => format!("{value:?}"),
    }
}

const LONGEST_SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(keyword: &'static str, value: &str) -> String {
        let problem = Problem::Invalid("a or b".into());
        ValueError::new(keyword, value, &Origin::Text, problem).to_string()
    }

    #[test]
    fn key_value_place_and_remedy_are_named() {
        assert_eq!(
            message("sslmode", "yes"),
            "invalid sslmode value \"yes\" from the connection text: allowed is a or b"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!message("password", "hunter2").contains("hunter2"));
        assert!(!message("oauth_client_secret", "hunter2").contains("hunter2"));
    }

    #[test]
    fn hostile_values_are_tamed() {
        assert!(message("port", "\x1b[31m\n").contains(r#""\u{1b}[31m\n""#));
        assert!(message("port", &"é".repeat(5000)).len() < 400);
    }
}
