//! What is believed about the catalog: whether any table lies above another one.
//!
//! While there is no partition and no inheritance child in the database, a change matters only under its own
//! name: a table that the filter turns away is dropped where it is read. DDL is not decoded, so that is a
//! belief. It is verified for each transaction that it was applied to, by a snapshot of the server that sees
//! the transaction: with an item that is asked about soon, or else with a look of its own, one per
//! [`REST`](Catalog::REST). A change that was dropped when there was a table above it after all is a Resync.

use std::time::{Duration, Instant};

use nudge_proto::Lsn;

use crate::policy::harvest::earlier;
use crate::policy::server_view::ServerView;
use crate::policy::{Harvest, History, Unseen};

/// Beliefs, and what is still to be verified.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    links: Links,
    /// Whether anything of all this matters (knob `partition_root`).
    matters: bool,
    /// Whether a table filter works on the server, which keeps the rows of new partitions there.
    filtered: bool,
    /// Transactions of which changes were dropped, here or on the server, or delivered unresolved; and the
    /// position at which the first of them had begun.
    unverified: Unseen,
    since: Option<Lsn>,
    look_due: Option<Instant>,
    history: History,
}

/// Whether there are tables above others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Links {
    /// Not known yet, or not any more: DDL may have run.
    #[default]
    Unknown,
    /// None, as of the last answer.
    None,
    /// Some: each item is resolved.
    Some,
}

/// What follows from an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Consequences {
    /// Changes of these transactions were dropped, and may have mattered.
    pub(crate) missed: Option<Unseen>,
    /// The filter on the server hides rows that matter: the stream needs another one.
    pub(crate) restart: bool,
}

impl Catalog {
    /// A stream starts on a server that looked like this before. `filtered`: the server applies the filter.
    pub(crate) fn restart(&mut self, before: &ServerView, matters: bool, filtered: bool) {
        let links = if matters && before.linked { Links::Some } else { Links::None };
        *self = Self { links, matters, filtered, ..Self::default() };
        self.history.restart(before.snapshot.clone(), before.linked);
    }

    /// Takes in what a read brought of transactions that leave no item. Returns those of which changes were
    /// dropped, or may have been hidden, although they matter.
    pub(crate) fn absorb(&mut self, harvest: &mut Harvest, now: Instant) -> Option<Unseen> {
        let (mut passed, since) = (std::mem::take(&mut harvest.passed), harvest.passed_since.take());
        if !self.matters {
            harvest.empty.clear();
            return None;
        }
        for (xid, lsn) in harvest.empty.drain(..) {
            self.history.ended(xid, lsn);
            if self.filtered {
                passed.add(xid);
            }
            if self.links == Links::None {
                self.links = Links::Unknown;
            }
            if self.links == Links::Some {
                // What it may have made or renamed is old from then on, also if it was in a subtransaction.
                self.look_soon(now);
            }
        }
        if passed.is_empty() {
            return None;
        }
        if self.links == Links::Some {
            return Some(passed);
        }
        self.doubt(passed, since, now);
        None
    }

    /// An item goes out whose changes are neither resolved nor verified.
    pub(crate) fn deliver_unverified(&mut self, unseen: Unseen, since: Option<Lsn>, now: Instant) {
        if unseen.is_empty() {
            return;
        }
        // With the answer comes, too, whether the server waits for standbys by now.
        self.look_due.get_or_insert(now + Self::REST);
        if self.matters {
            self.doubt(unseen, since, now);
        }
    }

    fn doubt(&mut self, mut passed: Unseen, since: Option<Lsn>, now: Instant) {
        self.unverified.absorb(&mut passed);
        self.since = earlier(self.since, since);
        self.look_soon(now);
    }

    fn look_soon(&mut self, now: Instant) {
        if self.matters {
            self.look_due.get_or_insert(now + Self::REST);
        }
    }

    /// When to ask although no item is due.
    pub(crate) fn look_due(&self) -> Option<Instant> {
        self.look_due
    }

    /// The server is asked now.
    pub(crate) fn asked(&mut self) {
        self.look_due = None;
    }

    /// The server has not answered.
    pub(crate) fn unanswered(&mut self, now: Instant) {
        if !self.unverified.is_empty() {
            self.look_soon(now);
        }
    }

    /// The server has answered.
    pub(crate) fn learn(&mut self, view: &ServerView, now: Instant) -> Consequences {
        self.history.add(&view.snapshot, view.linked);
        if !self.matters {
            return Consequences::default();
        }
        self.links = if view.linked { Links::Some } else { Links::None };
        let linked = view.linked || self.since.is_some_and(|since| self.history.linked_since(since));
        let mut missed = None;
        if linked && !self.unverified.is_empty() {
            missed = Some(std::mem::take(&mut self.unverified));
        } else if !self.unverified.confirm(&view.snapshot) {
            self.look_soon(now);
            return Consequences::default();
        }
        (self.since, self.look_due) = (None, None);
        Consequences { missed, restart: view.linked && self.filtered }
    }

    /// Whether the server hides rows that matter, until there is a stream with another filter: until then
    /// every item may stand for more than it says.
    pub(crate) fn hides(&self) -> bool {
        self.filtered && self.links == Links::Some
    }

    /// Whether tables above others matter.
    pub(crate) fn matters(&self) -> bool {
        self.matters
    }

    /// Whether changes of tables that do not pass the filter are dropped where they are read.
    pub(crate) fn drops(&self) -> bool {
        !self.expects_links()
    }

    /// Whether an item that is due is asked about, with its tables.
    pub(crate) fn expects_links(&self) -> bool {
        self.matters && self.links != Links::None
    }

    /// Whether a table may lie above those of an item, as long as there is no answer about it. `since`: where the
    /// first of its transactions began.
    pub(crate) fn may_be_linked(&self, since: Lsn) -> bool {
        self.matters && (self.links != Links::None || self.history.linked_since(since))
    }

    /// Whether a table may lie above those of an item, according to this answer.
    pub(crate) fn is_linked(&self, view: &ServerView, since: Lsn) -> bool {
        self.matters && (view.linked || self.history.linked_since(since))
    }

    /// What is known of earlier transactions.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Transactions that leave no item may come by all the time, and the next item may do.
    pub(crate) const REST: Duration = Duration::from_secs(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Snapshot;

    const S: Duration = Duration::from_secs(1);

    fn view(xmax: u64, inserted: u64, linked: bool) -> ServerView {
        let snapshot = Snapshot { xmax, next: xmax, inserted: Lsn::new(inserted), ..Snapshot::default() };
        ServerView { snapshot, linked, ..ServerView::default() }
    }

    fn catalog(linked: bool, filtered: bool) -> Catalog {
        let mut catalog = Catalog::default();
        catalog.restart(&view(700, 10, linked), true, filtered);
        catalog
    }

    /// A transaction of which changes are dropped.
    fn drops(catalog: &mut Catalog, xid: u32, began: u64, now: Instant) -> Option<Unseen> {
        let mut harvest = Harvest::default();
        harvest.begin(Some(xid), Lsn::new(began));
        harvest.dropped();
        harvest.commit(Lsn::new(began + 1));
        catalog.absorb(&mut harvest, now)
    }

    fn is_of(missed: Option<Unseen>, xid: u32) -> bool {
        let sees = |xmax| Snapshot { xmax, ..Snapshot::default() };
        missed.is_some_and(|mut missed| {
            !missed.confirm(&sees(u64::from(xid))) && missed.confirm(&sees(u64::from(xid) + 1))
        })
    }

    #[test]
    fn r7_what_is_dropped_is_verified_by_a_snapshot_that_sees_it() {
        let (mut catalog, now) = (catalog(false, false), Instant::now());
        assert!(catalog.drops());
        assert_eq!(drops(&mut catalog, 705, 20, now), None);
        assert_eq!(catalog.look_due(), Some(now + S));
        catalog.asked();
        assert_eq!(catalog.learn(&view(705, 30, false), now), Consequences::default());
        assert_eq!(catalog.look_due(), Some(now + S), "that one does not see it");
        catalog.asked();
        assert_eq!(catalog.learn(&view(706, 40, false), now), Consequences::default());
        assert_eq!(catalog.look_due(), None);
        assert_eq!(drops(&mut catalog, 707, 50, now), None);
        assert!(is_of(catalog.learn(&view(708, 60, true), now).missed, 707));
        assert!(!catalog.drops() && catalog.expects_links());
    }

    /// The link may have come and gone again since the change.
    #[test]
    fn r7_a_link_at_any_time_since_the_change_counts() {
        let (mut catalog, now) = (catalog(true, false), Instant::now());
        assert_eq!(catalog.learn(&view(705, 30, false), now), Consequences::default());
        assert!(catalog.drops());
        drops(&mut catalog, 706, 20, now);
        assert!(is_of(catalog.learn(&view(710, 40, false), now).missed, 706));
        assert!(catalog.is_linked(&view(710, 50, false), Lsn::new(20)));
        assert!(!catalog.is_linked(&view(710, 50, false), Lsn::new(30)));
        assert!(catalog.is_linked(&view(710, 50, true), Lsn::new(30)));
    }

    /// The reader may not know yet that the belief is gone.
    #[test]
    fn r7_what_is_dropped_in_a_belief_that_is_gone_is_missed() {
        let (mut catalog, now) = (catalog(true, false), Instant::now());
        assert!(is_of(drops(&mut catalog, 705, 20, now), 705));
    }

    #[test]
    fn with_a_filter_on_the_server_every_transaction_may_hide_rows() {
        let (mut catalog, now) = (catalog(false, true), Instant::now());
        let empty = |xid| {
            let mut harvest = Harvest::default();
            harvest.begin(Some(xid), Lsn::new(20));
            harvest.commit(Lsn::new(21));
            harvest
        };
        assert_eq!(catalog.absorb(&mut empty(705), now), None);
        assert!(!catalog.hides());
        let consequences = catalog.learn(&view(710, 30, true), now);
        assert!(consequences.restart && is_of(consequences.missed, 705) && catalog.hides());
        assert!(is_of(catalog.absorb(&mut empty(711), now), 711), "until there is another stream");
    }

    #[test]
    fn where_nothing_of_it_matters_nothing_is_kept() {
        let (mut catalog, now) = (Catalog::default(), Instant::now());
        catalog.restart(&view(700, 10, true), false, true);
        assert_eq!(drops(&mut catalog, 705, 20, now), None);
        assert_eq!(catalog.learn(&view(710, 30, true), now), Consequences::default());
        assert!(catalog.drops() && catalog.look_due().is_none() && !catalog.hides());
    }
}
