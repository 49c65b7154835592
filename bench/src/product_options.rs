//! What the product asks of a plugin, for those that are measured beside it.

use nudge_decode::{Decoder, TableFilter};
use pgnudge::Plugin;

/// Names and values, as START_REPLICATION takes them.
pub(crate) fn options_of(plugin: Plugin) -> Vec<(String, String)> {
    let options = Decoder::new(plugin).options(&TableFilter::default());
    options.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
}
