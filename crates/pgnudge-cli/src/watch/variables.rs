//! What the environment of a command of `--exec` says about its item, for scripts that read no JSON.

use indexmap::IndexSet;
use pgnudge::{FeedItem, TableName};

/// Names and values; `None`: the variable is not there.
pub(super) type Variables = [(&'static str, Option<String>); 3];

/// `PGNUDGE_ITEM` is `batch` or `resync`; `PGNUDGE_REASON` is the reason of a resync; `PGNUDGE_TABLES` has the tables
/// of a batch, a line each.
///
/// The list is all or nothing: where a name has a line break, or the list is longer than [`LONGEST_LIST`], it is not
/// there, and the standard input has the tables.
pub(super) fn of(item: &FeedItem) -> Variables {
    let (kind, reason, tables) = match item {
        FeedItem::Resync { reason, .. } => ("resync", Some(reason.to_string()), None),
        FeedItem::Batch { events, .. } => ("batch", None, list(events.iter().map(|event| &event.table))),
    };
    [("PGNUDGE_ITEM", Some(kind.to_owned())), ("PGNUDGE_REASON", reason), ("PGNUDGE_TABLES", tables)]
}

/// Each table once: many rows may be of one.
fn list<'a>(tables: impl Iterator<Item = &'a TableName>) -> Option<String> {
    let mut list = String::new();
    for name in tables.map(TableName::as_str).collect::<IndexSet<_>>() {
        if name.contains(['\n', '\r']) || list.len() + name.len() >= LONGEST_LIST {
            return None;
        }
        list.push_str(name);
        list.push('\n');
    }
    list.pop();
    Some(list)
}

/// Bytes. A variable may have 128 KiB on Linux, and all of them and the arguments together about 2 MiB.
const LONGEST_LIST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use pgnudge::{Event, Lsn, Reason};
    use std::time::SystemTime;

    fn batch(names: &[&str]) -> FeedItem {
        let event = |name: &&str| Event::new(TableName::new("public", name), SystemTime::UNIX_EPOCH, 1);
        FeedItem::Batch { events: names.iter().map(event).collect(), lsn: Lsn::ZERO }
    }

    fn tables(item: &FeedItem) -> Option<String> {
        let [(_, _), (_, _), (_, tables)] = of(item);
        tables
    }

    #[test]
    fn a_batch_lists_each_table_once() {
        assert_eq!(tables(&batch(&["a", "b c", "a"])).as_deref(), Some("public.a\npublic.b c"));
        let resync = FeedItem::Resync { reason: Reason::Overflow, lsn: Lsn::ZERO };
        let [item, reason, tables] = of(&resync).map(|(_, value)| value);
        assert_eq!((item.as_deref(), reason.as_deref(), tables), (Some("resync"), Some("overflow"), None));
    }

    #[test]
    fn a_list_is_all_or_nothing() {
        assert_eq!(tables(&batch(&["a", "b\npublic.c"])), None);
        let names: Vec<_> = (0..4000).map(|n| format!("a_table_with_a_long_name_{n}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        assert_eq!(tables(&batch(&names)), None);
        assert!(tables(&batch(&names[..1000])).is_some());
    }
}
