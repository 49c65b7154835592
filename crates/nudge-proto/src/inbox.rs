//! The bytes that have arrived and were not understood yet.

use alloc::boxed::Box;
use alloc::vec;

use crate::Limits;

/// A receive buffer of fixed capacity, owned by whoever owns the socket.
///
/// Read into [`spare_mut`](Self::spare_mut), [`commit`](Self::commit) what came, hand
/// [`filled`](Self::filled) to a machine, [`consume`](Self::consume) what it consumed. It never
/// grows: a machine asks for at most one message head, and [`Inbox::new`] makes room for that.
#[derive(Clone)]
pub struct Inbox {
    bytes: Box<[u8]>,
    /// Invariant: `start <= end <= bytes.len()`.
    start: usize,
    end: usize,
}

impl Inbox {
    /// Bytes per read that keep the cost of a system call (and of a TLS record) small.
    pub const DEFAULT_CAPACITY: usize = 128 * 1024;

    /// A buffer of `capacity` bytes, or of one message head under `limits` if that is more.
    pub fn new(capacity: usize, limits: &Limits) -> Self {
        let capacity = capacity.max(limits.largest_head());
        Self { bytes: vec![0; capacity].into_boxed_slice(), start: 0, end: 0 }
    }

    /// What has arrived and was not consumed yet.
    pub fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Room for the next read. Moves a left-over to the front first: that is at most one incomplete
    /// message head per read, so the copying does not grow with the traffic.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// The next `n` bytes of the spare room now hold input. More than there is room for counts as
    /// all of it.
    pub fn commit(&mut self, n: usize) {
        self.end = self.end.saturating_add(n).min(self.bytes.len());
    }

    /// The first `n` bytes of the input are done with.
    pub fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// How many bytes the buffer holds at most.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl core::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inbox")
            .field("filled", &(self.end - self.start))
            .field("capacity", &self.capacity())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &[u8]) -> Inbox {
        let mut inbox = Inbox::new(0, &Limits { head: 1024, ..Limits::default() });
        inbox.spare_mut()[..text.len()].copy_from_slice(text);
        inbox.commit(text.len());
        inbox
    }

    #[test]
    fn a_left_over_moves_to_the_front_and_keeps_its_bytes() {
        let mut inbox = with(b"abcdef");
        inbox.consume(4);
        let room = inbox.spare_mut().len();
        assert_eq!((inbox.filled(), room), (&b"ef"[..], inbox.capacity() - 2));
    }

    #[test]
    fn it_holds_a_whole_head_whatever_capacity_was_asked_for() {
        assert!(with(b"").capacity() >= 1024 + 5);
    }

    #[test]
    fn counts_beyond_the_buffer_are_cut_to_it() {
        let mut inbox = with(b"abc");
        inbox.consume(usize::MAX);
        assert!(inbox.filled().is_empty());
        inbox.commit(usize::MAX);
        assert_eq!(inbox.filled().len(), inbox.capacity());
    }
}
