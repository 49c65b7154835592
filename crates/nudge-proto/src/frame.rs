//! Where one message ends and the next begins.
//!
//! Every backend message after the reply to SSLRequest has the same envelope (manual, "Message
//! Formats"):
//!
//! ```text
//! +-----+-----------------+----------------------+
//! | tag | length: Int32   | body: length - 4     |
//! | u8  | counts itself   |                      |
//! +-----+-----------------+----------------------+
//! ```
//!
//! The deframer yields a message's *head*, at most [`Limits::head`] bytes of its body, and then skips
//! the rest without keeping it. Which tags a phase understands, and which of them it can do with
//! only the head of, is the phase's [`Alphabet`]. A tag outside of it is refused at its header, before
//! anything is waited for.

use alloc::vec::Vec;

use bytes::BufMut;

use crate::message::tag;
use crate::{Error, Malformed, Phase};

/// What a peer may make us keep or compute. Each field is met before an allocator or a loop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a message's body that are looked at; the rest is skipped unseen. Both output plugins
    /// print the table before any column, and a qualified name is under 800 bytes even when every
    /// character of it is escaped, so 8 KiB is generous. At least [`Limits::MIN_HEAD`].
    pub head: usize,
    /// Rounds of PBKDF2 that a server may ask for in SCRAM. A million takes about half a second of
    /// one core; PostgreSQL's default is 4,096, and without a cap a hostile server could ask for
    /// 2,147,483,647.
    pub scram_iterations: u32,
}

impl Limits {
    /// 8 KiB of a message, and a million rounds.
    pub const DEFAULT: Self = Self { head: 8 * 1024, scram_iterations: 1_000_000 };

    /// The smallest head with which the protocol's own fixed-size messages are never cut.
    pub const MIN_HEAD: usize = 1024;

    /// With another [`head`](Self::head).
    #[must_use]
    pub const fn with_head(self, head: usize) -> Self {
        Self { head, ..self }
    }

    /// With other [rounds of PBKDF2](Self::scram_iterations).
    #[must_use]
    pub const fn with_scram_iterations(self, scram_iterations: u32) -> Self {
        Self { scram_iterations, ..self }
    }

    /// The envelope and the head: what a buffer has to hold for every machine to make progress.
    pub(crate) fn largest_head(&self) -> usize {
        self.head.max(Self::MIN_HEAD).saturating_add(HEADER)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The tags that a phase understands.
pub(crate) struct Alphabet {
    pub(crate) phase: Phase,
    /// Whether the [`ASYNCHRONOUS`] messages may come too; their heads are enough.
    pub(crate) asynchronous: bool,
    /// Messages of which the head is enough, however long they are.
    pub(crate) heads: &'static [u8],
    /// Messages that must fit into the head as a whole.
    pub(crate) wholes: &'static [u8],
}

/// What a server sends whenever it has a reason to, from AuthenticationOk on (manual, "Asynchronous
/// Operations"). Before that libpq refuses them, and PostgreSQL sends none.
const ASYNCHRONOUS: [u8; 3] = [tag::NOTICE_RESPONSE, tag::NOTIFICATION_RESPONSE, tag::PARAMETER_STATUS];

/// One message: its tag and as much of its body as was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame<'a> {
    pub(crate) tag: u8,
    pub(crate) head: &'a [u8],
    /// Whether the body goes on behind the head.
    pub(crate) cut: bool,
}

/// Finds frames in the caller's bytes; keeps two numbers and no bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deframer {
    head: usize,
    /// Bytes of the last message that are still to come and that nobody wants.
    skip: usize,
}

impl Deframer {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { head: limits.head.max(Limits::MIN_HEAD), skip: 0 }
    }

    /// Consumes what is being skipped and then at most one message. `None`: bring more input.
    ///
    /// The frame does not depend on how the input was chopped: a head is yielded once all of it is
    /// there, never earlier and never longer.
    pub(crate) fn next<'a>(
        &mut self,
        input: &'a [u8],
        alphabet: &Alphabet,
    ) -> Result<(usize, Option<Frame<'a>>), Error> {
        let skipped = self.skip.min(input.len());
        self.skip -= skipped;
        let rest = input.get(skipped..).unwrap_or_default();
        let Some((&[tag, a, b, c, d], rest)) = rest.split_first_chunk::<HEADER>() else {
            return Ok((skipped, None));
        };
        let body = body_length(tag, i32::from_be_bytes([a, b, c, d]))?;
        self.admit(tag, body, alphabet)?;
        let Some(head) = rest.get(..body.min(self.head)) else {
            return Ok((skipped, None));
        };
        let here = body.min(rest.len());
        self.skip = body - here;
        let frame = Frame { tag, head, cut: body > head.len() };
        Ok((skipped + HEADER + here, Some(frame)))
    }

    /// The next message as [`next`](Self::next) would yield it, if it has that tag, is there as a whole,
    /// and is all head: how many bytes it has, and its body.
    #[inline]
    pub(crate) fn whole<'a>(&self, tag: u8, input: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let (&[found, a, b, c, d], rest) = input.split_first_chunk::<HEADER>()?;
        let body = (u32::from_be_bytes([a, b, c, d]) as usize).checked_sub(LENGTH)?;
        let is_whole = self.skip == 0 && found == tag && body <= self.head;
        let body = rest.get(..body).filter(|_| is_whole)?;
        Some((HEADER + body.len(), body))
    }

    fn admit(&self, tag: u8, body: usize, alphabet: &Alphabet) -> Result<(), Error> {
        if alphabet.heads.contains(&tag) || alphabet.asynchronous && ASYNCHRONOUS.contains(&tag) {
            Ok(())
        } else if !alphabet.wholes.contains(&tag) {
            Err(Error::Unexpected { tag, phase: alphabet.phase })
        } else if body > self.head {
            Err(Malformed::TooLong { tag, length: body }.into())
        } else {
            Ok(())
        }
    }
}

fn body_length(tag: u8, length: i32) -> Result<usize, Malformed> {
    usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_sub(LENGTH))
        .ok_or(Malformed::Length { tag, length })
}

/// Appends a message and fills in its length once the body is written.
pub(crate) fn put_frame(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.put_u8(tag);
    put_sized(out, body);
}

/// A message without a tag, as the first one of a connection is: the length, then the body.
pub(crate) fn put_sized(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.put_i32(0);
    body(out);
    // Nothing that we send comes near 2 GiB: names, a password, one command.
    let length = i32::try_from(out.len() - at).unwrap_or(i32::MAX);
    if let Some(room) = out.get_mut(at..at + LENGTH) {
        room.copy_from_slice(&length.to_be_bytes());
    }
}

const LENGTH: usize = 4;
const HEADER: usize = 1 + LENGTH;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const ALPHABET: Alphabet =
        Alphabet { phase: Phase::Stream, asynchronous: false, heads: b"d", wholes: b"Z" };

    fn deframer() -> Deframer {
        Deframer::new(&Limits { head: 0, ..Limits::default() })
    }

    fn message(tag: u8, body: usize) -> Vec<u8> {
        let mut out = vec![];
        put_frame(&mut out, tag, |out| out.resize(out.len() + body, b'x'));
        out
    }

    #[test]
    fn a_long_message_yields_its_head_and_the_tail_is_skipped() {
        let (mut deframer, long) = (deframer(), message(b'd', 5000));
        let (used, frame) = deframer.next(&long[..2000], &ALPHABET).unwrap();
        let frame = frame.unwrap();
        assert_eq!((used, frame.head.len(), frame.cut), (2000, Limits::MIN_HEAD, true));
        assert_eq!(deframer.next(&long[2000..], &ALPHABET), Ok((3005, None)));
        let short = message(b'Z', 1);
        let (used, frame) = deframer.next(&short, &ALPHABET).unwrap();
        assert_eq!((used, frame.unwrap().tag), (6, b'Z'));
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_at_the_header() {
        for length in [i32::MIN, -1, 0, 3] {
            let mut input = vec![b'd'];
            input.put_i32(length);
            let malformed = Malformed::Length { tag: b'd', length };
            assert_eq!(deframer().next(&input, &ALPHABET), Err(malformed.into()));
        }
    }

    #[test]
    fn a_foreign_tag_is_refused_before_its_body_is_waited_for() {
        let unexpected = Error::Unexpected { tag: b'H', phase: Phase::Stream };
        assert_eq!(deframer().next(b"HTTP/1.1 400", &ALPHABET), Err(unexpected));
    }

    #[test]
    fn a_message_that_must_be_whole_has_a_limit() {
        let mut input = vec![b'Z'];
        input.put_i32(i32::MAX);
        let malformed = Malformed::TooLong { tag: b'Z', length: i32::MAX as usize - 4 };
        assert_eq!(deframer().next(&input, &ALPHABET), Err(malformed.into()));
    }
}
