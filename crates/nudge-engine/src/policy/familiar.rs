//! The tables that have changed lately, known by how the messages about them begin.

use nudge_decode::RowPrefix;

use crate::TableName;

/// A few tables. Looking one up compares bytes of the message: nothing is parsed, hashed or copied.
#[derive(Clone, Debug, Default)]
pub struct Familiar {
    /// The latest hit is looked at first.
    faces: Vec<Face>,
    latest: usize,
    /// Which one makes room for the next.
    oldest: usize,
    /// Changes of tables that were strange, since the last one that was met.
    strangers: u32,
    /// Counts the reads of the socket.
    read: u64,
}

/// A table, and what its changes are worth.
#[derive(Clone, Debug)]
struct Face {
    prefix: RowPrefix,
    table: TableName,
    standing: Standing,
    /// The read that the standing was found in: it is worth nothing in another.
    read: u64,
}

/// What a change of a table is worth within one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts, at this place of the harvest.
    At(usize),
    /// It does not matter.
    Nothing,
}

/// What is known of a message.
#[derive(Debug, PartialEq)]
pub enum Look<'a> {
    /// Its table changed in this read already.
    Known(&'a TableName, Standing),
    /// Its table changed in an earlier read; what is found out now has to be [kept](Familiar::keep).
    Again(&'a TableName),
    /// It has to be read.
    Strange,
}

impl Familiar {
    /// As many as change in turn in the transactions of an ordinary application. More are found by
    /// reading the message, and that is as fast as comparing more.
    const MAX: usize = 8;
    /// When all places are taken, one stranger of so many is met.
    const RARELY: u32 = 64;

    /// Which table a message is about.
    #[inline]
    pub fn look(&mut self, head: &[u8]) -> Look<'_> {
        let begins = |face: &Face| face.prefix.begins(head);
        if !self.faces.get(self.latest).is_some_and(begins) {
            // Tables that change in turn were met in turn.
            let (before, behind) = self.faces.split_at_checked(self.latest + 1).unwrap_or_default();
            let next = behind.iter().position(begins).map(|n| before.len() + n);
            let Some(found) = next.or_else(|| before.iter().position(begins)) else { return Look::Strange };
            self.latest = found;
        }
        match self.faces.get(self.latest) {
            Some(face) if face.read == self.read => Look::Known(&face.table, face.standing),
            Some(face) => Look::Again(&face.table),
            None => Look::Strange,
        }
    }

    /// What the changes of the table that was found last are worth until the next read.
    pub fn keep(&mut self, standing: Standing) {
        if let Some(face) = self.faces.get_mut(self.latest) {
            (face.standing, face.read) = (standing, self.read);
        }
    }

    /// Whether to [meet](Self::meet) a table that is strange, which allocates. When all places are taken
    /// that is rare: if more tables change in turn than there are places, each newcomer would drive out
    /// one that changes again before it does.
    pub fn is_curious(&mut self) -> bool {
        self.strangers = self.strangers.saturating_add(1);
        self.faces.len() < Self::MAX || self.strangers >= Self::RARELY
    }

    /// A table that was strange.
    pub fn meet(&mut self, prefix: RowPrefix, table: TableName, standing: Standing) {
        let face = Face { prefix, table, standing, read: self.read };
        (self.latest, self.strangers) = (self.oldest, 0);
        match self.faces.get_mut(self.oldest) {
            Some(place) => *place = face,
            None => self.faces.push(face),
        }
        self.oldest = (self.oldest + 1) % Self::MAX;
    }

    /// What changes are worth has to be found out anew.
    pub fn next_read(&mut self) {
        self.read += 1;
    }

    /// Another stream may print otherwise.
    pub fn forget(&mut self) {
        *self = Self { read: self.read + 1, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nudge_decode::{Decoder, Plugin};

    fn message(table: usize) -> String {
        format!("table public.t{table}: INSERT: id[integer]:1")
    }

    fn meet(familiar: &mut Familiar, table: usize) {
        let prefix = Decoder::new(Plugin::TestDecoding).row_prefix(message(table).as_bytes()).unwrap();
        familiar.meet(prefix, TableName::new("public", &format!("t{table}")), Standing::At(table));
    }

    #[test]
    fn the_last_tables_are_known_until_the_read_ends() {
        let mut familiar = Familiar::default();
        (0..10).for_each(|table| meet(&mut familiar, table));
        assert_eq!(familiar.look(message(1).as_bytes()), Look::Strange);
        for table in [2, 9, 9] {
            let look = familiar.look(message(table).as_bytes());
            assert!(matches!(look, Look::Known(_, Standing::At(place)) if place == table), "{look:?}");
        }
        familiar.next_read();
        assert_eq!(familiar.look(message(9).as_bytes()), Look::Again(&TableName::new("public", "t9")));
        familiar.keep(Standing::Nothing);
        assert!(matches!(familiar.look(message(9).as_bytes()), Look::Known(_, Standing::Nothing)));
        assert!(matches!(familiar.look(message(8).as_bytes()), Look::Again(_)));
        familiar.forget();
        assert_eq!(familiar.look(message(9).as_bytes()), Look::Strange);
    }

    #[test]
    fn when_too_many_tables_change_in_turn_most_of_the_known_ones_stay() {
        let mut familiar = Familiar::default();
        let mut met = 0;
        for table in (0..20).cycle().take(2000) {
            if familiar.look(message(table).as_bytes()) == Look::Strange && familiar.is_curious() {
                meet(&mut familiar, table);
                met += 1;
            }
        }
        assert!((9..40).contains(&met), "{met}");
    }
}
