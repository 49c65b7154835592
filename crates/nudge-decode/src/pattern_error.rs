//! Why a text names no tables, and what would be right.
//!
//! A pattern comes from a user, and a feed that waits for a table that cannot exist would only
//! be silent; so each fault has its remedy, in the user's own words where possible.

use crate::sql_identifier::Quoted;
use alloc::{borrow::ToOwned, boxed::Box, format, string::String};
use thiserror::Error;

/// A text that is no [`TablePattern`](crate::TablePattern). Its `Display` is the cause, [`hint`](Self::hint) the
/// remedy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("table pattern `{pattern}`: {fault}")]
pub struct PatternError {
    pattern: String,
    fault: PatternFault,
}

impl PatternError {
    pub(crate) fn new(pattern: &str, fault: PatternFault) -> Self {
        Self { pattern: pattern.to_owned(), fault }
    }

    /// What is wrong.
    pub fn fault(&self) -> &PatternFault {
        &self.fault
    }

    /// What would be right.
    pub fn hint(&self) -> String {
        let Self { pattern, fault } = self;
        match fault {
            PatternFault::MissingSchema => {
                format!("write `public.{pattern}`, or `*.{pattern}` for every schema")
            }
            PatternFault::NeedsQuotes { character: 'A'..='Z', name } => {
                let lower_case = name.to_lowercase();
                format!("write `{}` if the name is so, else `{}`", Quoted(name), Quoted(&lower_case))
            }
            PatternFault::NeedsQuotes { character: '*', name } => format!(
                "write `{}`; a `*` of its own stands for every name, not for a part of one",
                Quoted(name)
            ),
            PatternFault::NeedsQuotes { name, .. } => format!("write `{}`", Quoted(name)),
            PatternFault::MissingName | PatternFault::Nul => FORMS.to_owned(),
            PatternFault::TooManyNames => NO_DATABASE.to_owned(),
            PatternFault::Wildcard => ONE_TABLE.to_owned(),
            PatternFault::StrayQuote => WHOLE_NAME.to_owned(),
        }
    }
}

/// What is wrong with the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternFault {
    /// Nothing stands where the schema or the table should.
    #[error("a name is missing")]
    MissingName,
    /// There is one name and no dot.
    #[error("the schema is missing")]
    MissingSchema,
    /// Something follows the second name.
    #[error("there is more than a schema and a table")]
    TooManyNames,
    /// A bare name holds a character that needs quotes.
    #[error("{character:?} needs double quotes")]
    NeedsQuotes {
        /// The first such character.
        character: char,
        /// All of the name.
        name: Box<str>,
    },
    /// A quote is not closed, or a name goes on after its closing quote.
    #[error("the double quotes do not pair up")]
    StrayQuote,
    /// One table is wanted, and `*` stands for any.
    #[error("`*` stands for more than one table")]
    Wildcard,
    /// PostgreSQL allows every character but U+0000 in a name.
    #[error("no name can hold the character U+0000")]
    Nul,
}

const FORMS: &str = "write `schema.table`, `schema.*`, `*.table` or `*.*`";
const NO_DATABASE: &str = "leave the database out, and put a name that holds a dot into double quotes";
const ONE_TABLE: &str = "write `schema.table`, with a name that is `*` in double quotes";
const WHOLE_NAME: &str = "put them around the whole name, and write one within the name twice";

#[cfg(test)]
mod tests {
    use crate::TablePattern;
    use alloc::{format, string::ToString};

    fn refused(text: &str, message: &str, hint: &str) {
        let error = text.parse::<TablePattern>().unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint().as_str()), (message, hint));
    }

    #[test]
    fn says_what_is_wrong_and_what_would_be_right() {
        let forms = "write `schema.table`, `schema.*`, `*.table` or `*.*`";
        refused("", "table pattern ``: a name is missing", forms);
        refused("public.", "table pattern `public.`: a name is missing", forms);
        refused(r#"""."#, r#"table pattern `"".`: a name is missing"#, forms);
        refused("a.\0", "table pattern `a.\0`: no name can hold the character U+0000", forms);
        refused(
            "orders",
            "table pattern `orders`: the schema is missing",
            "write `public.orders`, or `*.orders` for every schema",
        );
        refused(
            "app.public.orders",
            "table pattern `app.public.orders`: there is more than a schema and a table",
            "leave the database out, and put a name that holds a dot into double quotes",
        );
        refused(
            "public.Orders",
            "table pattern `public.Orders`: 'O' needs double quotes",
            r#"write `"Orders"` if the name is so, else `orders`"#,
        );
        refused(
            "public.ord*",
            "table pattern `public.ord*`: '*' needs double quotes",
            "write `\"ord*\"`; a `*` of its own stands for every name, not for a part of one",
        );
        for stray in [r#""open.a"#, r#""a"b.c"#, r#"a."b"""#] {
            refused(
                stray,
                &format!("table pattern `{stray}`: the double quotes do not pair up"),
                "put them around the whole name, and write one within the name twice",
            );
        }
    }
}
