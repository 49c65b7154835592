//! What one message of a plugin says, as far as a change feed cares.
//!
//! Row data never gets this far. What to do with each item, above all with the unreadable
//! ones, is the engine's business.

use crate::{Identities, Identity, TableRef};
use thiserror::Error;

/// The meaning of one message.
///
/// Exhaustive on purpose: a further meaning is one that the engine must act upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A committed transaction's changes follow.
    Begin {
        /// The transaction's id, 32 bits without the epoch, if the plugin printed it.
        xid: Option<u32>,
    },
    /// One row changed, or one statement [truncated](Identities::is_truncation) these tables.
    Change(Identities<'a>),
    /// An application nudges the name of a table. There need not be such a table.
    Nudge(TableRef<'a>),
    /// The transaction's changes are complete.
    Commit,
    /// Understood, and no change: a logical message, or a notice about something else.
    Silent,
    /// Perhaps a change. Whoever counts changes must assume that any table changed (rule R7).
    Unreadable(Unreadable),
}

impl<'a> Decoded<'a> {
    /// The tables or rows that changed, in the order printed; none where nothing did.
    pub fn identities(&self) -> &[Identity<'a>] {
        match self {
            Self::Change(identities) => identities.as_slice(),
            Self::Nudge(_) | Self::Begin { .. } | Self::Commit | Self::Silent | Self::Unreadable(_) => &[],
        }
    }
}

/// Why a message could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// More of the message than its head is needed.
    #[error("the message goes on past its head, and what is missing matters")]
    Cut,
    /// The plugins print names in the encoding of the database, which need not be known.
    #[error("a table's name is no text in the encoding of the database")]
    NotText,
    /// Names are printed without escaping them, and these can be told apart in two ways.
    #[error("the message can be read as naming different tables")]
    Ambiguous,
    /// An application sent a message with our prefix and another content than `schema.table`.
    #[error("the content of an application's nudge is not the name of a table")]
    Nudge,
    /// The plugin does not print this with the options that it was given.
    #[error("the message does not follow the plugin's grammar")]
    Grammar,
}
