//! Errors and notices: the same fields under two tags.
//! ```text
//! 'E' or 'N' | length | (field u8 | value text) ... | 0
//! ```
//! The fields are those of the manual's page "Error and Notice Message Fields".

use super::{frame, text};

/// What an ErrorResponse or a NoticeResponse says.
#[derive(Clone, Debug)]
pub struct Report {
    fields: Vec<(u8, String)>,
}

impl Report {
    /// A report with the fields that every one has.
    #[must_use]
    pub fn new(severity: &str, sqlstate: &str, message: &str) -> Self {
        let fields = [(b'S', severity), (b'V', severity), (b'C', sqlstate), (b'M', message)];
        Self { fields: fields.map(|(field, value)| (field, value.to_owned())).to_vec() }
    }

    /// With a DETAIL.
    #[must_use]
    pub fn detail(self, detail: &str) -> Self {
        self.field(b'D', detail)
    }

    /// With a HINT.
    #[must_use]
    pub fn hint(self, hint: &str) -> Self {
        self.field(b'H', hint)
    }

    /// With any other field, at the end.
    #[must_use]
    pub fn field(mut self, field: u8, value: &str) -> Self {
        self.fields.push((field, value.to_owned()));
        self
    }

    fn body(&self) -> Vec<u8> {
        let fields = self.fields.iter().flat_map(|(field, value)| [*field].into_iter().chain(text(value)));
        fields.chain([0]).collect()
    }
}

/// ErrorResponse: the command has failed; with severity FATAL the connection ends.
#[must_use]
pub fn error_response(report: &Report) -> Vec<u8> {
    frame(b'E', &report.body())
}

/// NoticeResponse: something to know, at any time.
#[must_use]
pub fn notice_response(report: &Report) -> Vec<u8> {
    frame(b'N', &report.body())
}
