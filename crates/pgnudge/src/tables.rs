//! The tables that a program names.

use nudge_engine::TableFilter;

use crate::{Error, TablePattern};

/// Patterns as they were given, a text that is none among them; `None`: there was no call, and all tables are meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables(Option<Vec<Result<TablePattern, Error>>>);

impl Tables {
    pub(crate) fn add<P>(&mut self, patterns: impl IntoIterator<Item = P>)
    where
        P: TryInto<TablePattern>,
        P::Error: Into<Error>,
    {
        let patterns = patterns.into_iter().map(|pattern| pattern.try_into().map_err(Into::into));
        self.0.get_or_insert_default().extend(patterns);
    }

    /// # Errors
    /// A pattern that is none, or a list without any: a program that has computed it would watch everything.
    pub(crate) fn filter(&self) -> Result<TableFilter, Error> {
        let Some(patterns) = &self.0 else { return Ok(TableFilter::default()) };
        if patterns.is_empty() {
            return Err(Error::config("tables() was given no pattern", "for all tables leave the call out"));
        }
        patterns.iter().cloned().collect()
    }
}
