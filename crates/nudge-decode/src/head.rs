//! Reading the head of a message that may go on.
//!
//! nom's parsers run in two modes, and the difference is exactly a cut head's: at the end of
//! its input a *complete* parser takes the end for what it is, a *streaming* one says
//! `Incomplete`. So one grammar serves both, and a cut head cannot be read wrongly: whatever
//! a streaming parser decides, it has decided before it saw the end.
//! The parsers written by hand in this crate know an explicit terminator (a closing quote) and
//! say `Incomplete` without it in either mode.

use crate::{Decoded, ServerEncoding, Unreadable};
use alloc::borrow::Cow;
use nom::{
    Err, IResult, IsStreaming, Mode, Needed, OutputMode, PResult, Parser,
    bytes::take_while,
    error::{ErrorKind, ParseError},
};

/// A parser of a head that yields `T`.
pub(crate) trait Grammar<'a, T>: Parser<&'a [u8], Output = T, Error = Fault> {}

impl<'a, T, P> Grammar<'a, T> for P where P: Parser<&'a [u8], Output = T, Error = Fault> {}

/// What a parser written by hand returns.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Fault>;

/// [`Unreadable`] as nom's error, so that nom stays out of the public type.
#[derive(Debug)]
pub(crate) struct Fault(Unreadable);

impl<I> ParseError<I> for Fault {
    fn from_error_kind(_: I, _: ErrorKind) -> Self {
        Self(Unreadable::Grammar)
    }

    fn append(_: I, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// Runs `grammar` over a message's head; `cut` says that the message goes on.
pub(crate) fn read<'a, T>(
    mut grammar: impl Grammar<'a, T>,
    head: &'a [u8],
    cut: bool,
) -> Result<T, Unreadable> {
    let parsed = if cut { grammar.parse(head) } else { grammar.parse_complete(head) };
    match parsed {
        Ok((_, read)) => Ok(read),
        Err(Err::Incomplete(_)) if cut => Err(Unreadable::Cut),
        Err(Err::Incomplete(_)) => Err(Unreadable::Grammar),
        Err(Err::Error(fault) | Err::Failure(fault)) => Err(fault.0),
    }
}

/// How many bytes of a head `grammar` reads, if it does not depend on what follows them.
pub(crate) fn extent<'a, T>(mut grammar: impl Grammar<'a, T>, head: &'a [u8]) -> Option<usize> {
    let (rest, _) = grammar.parse(head).ok()?;
    head.len().checked_sub(rest.len())
}

/// A text that the plugin prints as it is.
///
/// It does what nom's `tag` does, but compares machine words where `tag` compares bytes one by
/// one; keywords are most of what is read in a message.
pub(crate) fn literal<'a, const N: usize>(text: &'static [u8; N]) -> impl Grammar<'a, ()> {
    Literal(text)
}

struct Literal<const N: usize>(&'static [u8; N]);

impl<'a, const N: usize> Parser<&'a [u8]> for Literal<N> {
    type Output = ();
    type Error = Fault;

    fn process<M: OutputMode>(&mut self, input: &'a [u8]) -> PResult<M, &'a [u8], (), Fault> {
        match input.split_first_chunk() {
            Some((text, rest)) if text == self.0 => Ok((rest, M::Output::bind(|| ()))),
            None if M::Incomplete::is_streaming() && self.0.starts_with(input) => {
                Err(Err::Incomplete(Needed::Unknown))
            }
            _ => Err(Err::Error(M::Error::bind(|| Fault(Unreadable::Grammar)))),
        }
    }
}

/// The end of the input where a terminator should be.
pub(crate) fn incomplete() -> Err<Fault> {
    Err::Incomplete(Needed::Unknown)
}

/// Not this grammar; another alternative may fit.
pub(crate) fn mismatch() -> Err<Fault> {
    Err::Error(Fault(Unreadable::Grammar))
}

/// No other alternative can fit any more.
pub(crate) fn unreadable(why: Unreadable) -> Err<Fault> {
    Err::Failure(Fault(why))
}

/// The rest of a message, which must be there as a whole.
pub(crate) fn rest<'a>() -> impl Grammar<'a, &'a [u8]> {
    take_while(|_| true)
}

/// A name as text; a name is never empty.
#[inline(always)] // Twice per message; the compiler would not.
pub(crate) fn name(bytes: &[u8], encoding: ServerEncoding) -> Result<Cow<'_, str>, Err<Fault>> {
    if bytes.is_empty() {
        return Err(unreadable(Unreadable::Grammar));
    }
    encoding.text(bytes).map_err(unreadable)
}

/// The ends of a transaction as plugins print them most often, at a glance: what the grammar would read
/// from a message that is `begin` or `commit`, an id, and `end`. Anything else is left to the grammar.
#[inline]
pub(crate) fn boundary<const B: usize, const C: usize>(
    head: &[u8],
    begin: &[u8; B],
    commit: &[u8; C],
    end: &[u8],
) -> Option<Decoded<'static>> {
    let (begins, rest) = match (head.split_first_chunk(), head.split_first_chunk()) {
        (Some((text, rest)), _) if text == begin => (true, rest),
        (_, Some((text, rest))) if text == commit => (false, rest),
        _ => return None,
    };
    let digits = rest.strip_suffix(end)?;
    // Ids of ten digits may be too large.
    let is_id = (1..10).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let id = || digits.iter().fold(0, |id, digit| id * 10 + u32::from(digit - b'0'));
    is_id.then(|| if begins { Decoded::Begin { xid: Some(id()) } } else { Decoded::Commit })
}

/// A number of at most 32 bits: a transaction id as both plugins print it, or a size.
pub(crate) fn decimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
