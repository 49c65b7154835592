//! What the user gave, from all places, in libpq's order of precedence.
//!
//! What the program sets comes first, then the text, then the service file, then the environment. A value
//! that an earlier place set is not touched by a later one, even if it is empty:
//! `host=''` in a text asks for the default host, whatever `PGHOST` says.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::connection_text::ConnectionText;
use super::environment::Environment;
use super::error::SettingsError;
use super::key_value::is_blank;
use super::keyword::{Decision, KEYWORDS, Keyword};
use super::origin::Origin;
use super::service_file;
use super::value_error::{Problem, ValueError};

/// A value as it was written, and where.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct GivenValue {
    pub(super) keyword: &'static str,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Values by keyword.
#[derive(Clone, Default)]
pub(super) struct Given {
    values: BTreeMap<&'static str, GivenValue>,
}

impl Given {
    /// Collects and checks what text, service file and environment say.
    pub(super) fn collect(text: &str, environment: &Environment) -> Result<Self, SettingsError> {
        let mut given = Self::default();
        // The last word about a keyword counts.
        for (keyword, value) in environment.settings().iter().rev() {
            let keyword = ConnectionText::keyword(keyword, value)?;
            given.offer(keyword, value.clone(), Origin::Program);
        }
        for (keyword, value) in ConnectionText::parse(text)?.into_values() {
            given.offer(keyword, value, Origin::Text);
        }
        service_file::add_service(&mut given, environment)?;
        given.add_variables(environment)?;
        given.check_decisions()?;
        Ok(given)
    }

    /// The value of a keyword, which may be empty.
    pub(super) fn get(&self, keyword: &str) -> Option<&GivenValue> {
        debug_assert!(Keyword::named(keyword).is_some(), "{keyword} is no keyword");
        self.values.get(keyword)
    }

    /// The value of a keyword for which empty means not given.
    pub(super) fn filled(&self, keyword: &str) -> Option<&GivenValue> {
        self.get(keyword).filter(|value| !value.text.is_empty())
    }

    /// The text of a filled value.
    pub(super) fn text(&self, keyword: &str) -> Option<&str> {
        self.filled(keyword).map(|value| value.text.as_str())
    }

    /// Sets a keyword unless an earlier place did.
    pub(super) fn offer(&mut self, keyword: &'static str, text: String, origin: Origin) {
        let value = GivenValue { keyword, text, origin };
        self.values.entry(keyword).or_insert(value);
    }

    fn add_variables(&mut self, environment: &Environment) -> Result<(), SettingsError> {
        for keyword in KEYWORDS {
            let Some(variable) = keyword.variable else {
                continue;
            };
            if self.values.contains_key(keyword.name) {
                continue;
            }
            if let Some(value) = read_variable(environment, variable)? {
                self.offer(keyword.name, value, Origin::Variable(variable));
            }
        }
        let require_ssl = read_variable(environment, "PGREQUIRESSL")?;
        if require_ssl.is_some_and(|value| value.starts_with('1')) {
            self.offer("sslmode", "require".to_owned(), Origin::Variable("PGREQUIRESSL"));
        }
        Ok(())
    }

    fn check_decisions(&self) -> Result<(), ValueError> {
        self.values.values().try_for_each(GivenValue::check_decision)
    }
}

impl GivenValue {
    pub(super) fn invalid(&self, allowed: impl Into<Cow<'static, str>>) -> ValueError {
        let problem = Problem::Invalid(allowed.into());
        ValueError::new(self.keyword, &self.text, &self.origin, problem)
    }

    pub(super) fn unsupported(&self, reason: &'static str) -> ValueError {
        let problem = Problem::Unsupported(reason);
        ValueError::new(self.keyword, &self.text, &self.origin, problem)
    }

    /// The number in a value, under libpq's rules: blanks around it and a sign
    /// are allowed, and it must fit 32 bits.
    pub(super) fn integer(&self) -> Result<i32, ValueError> {
        let number = self.text.trim_matches(is_blank).parse();
        number.map_err(|_| self.invalid("an integer"))
    }

    /// The meaning of a word, out of all words that have one.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, ValueError> {
        let found = words.iter().find(|(word, _)| *word == self.text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.invalid(words.join(", "))
        })
    }

    fn check_decision(&self) -> Result<(), ValueError> {
        let decision = Keyword::named(self.keyword).map(|keyword| keyword.decision);
        match decision {
            Some(Decision::Only(allowed, reason)) if !allowed.contains(&self.text.as_str()) => {
                Err(self.unsupported(reason))
            }
            Some(Decision::Refused(reason) | Decision::RefusedSecret(reason)) if !self.text.is_empty() => {
                Err(self.unsupported(reason))
            }
            _ => Ok(()),
        }
    }
}

/// A variable's value, if it is set.
pub(super) fn read_variable(
    environment: &Environment,
    name: &'static str,
) -> Result<Option<String>, SettingsError> {
    let Some(value) = environment.variable(name) else {
        return Ok(None);
    };
    let value = value.to_str().ok_or(SettingsError::VariableNotUtf8 { name })?;
    if value.len() > ConnectionText::MAX_LENGTH {
        return Err(SettingsError::VariableTooLong { name });
    }
    Ok(Some(value.to_owned()))
}
