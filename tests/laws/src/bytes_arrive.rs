//! How bytes reach a machine: in pieces, through an inbox of fixed size.
//!
//! What holds for every machine is asserted here: it consumes no more than there was, it never
//! waits for more than the inbox can hold, and its errors latch.

use std::fmt::Debug;

use nudge_proto::*;

/// What a machine said about some bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Heard<T> {
    pub(crate) events: Vec<T>,
    /// What it answered.
    pub(crate) sent: Vec<u8>,
    /// Why it stopped; `None` when it waits for more.
    pub(crate) error: Option<Error>,
    /// How many bytes were the machine's, if it came to its end.
    pub(crate) finished_at: Option<usize>,
}

/// What one call of a machine says: how much it consumed, and an event that owns its bytes. Its
/// answer it appends.
pub(crate) type Said<T> = Result<(usize, Option<T>), Error>;

/// Asserts that the bytes mean the same in whatever pieces they come, and returns what they mean.
/// `machine` makes a new machine each time.
#[track_caller]
pub(crate) fn any_chopping<T: Debug + PartialEq, M: FnMut(&[u8], &mut Vec<u8>) -> Said<T>>(
    bytes: &[u8],
    machine: impl Fn() -> M,
) -> Heard<T> {
    let whole = arrive(bytes, &[usize::MAX], Inbox::new(bytes.len(), &SMALL), machine());
    // Sizes that depend on the bytes, so that the fuzzer finds the unlucky ones.
    let varied: Vec<usize> = bytes.iter().map(|byte| usize::from(byte % 32)).collect();
    for pieces in [&varied, &[1][..]] {
        let chopped = arrive(bytes, pieces, Inbox::new(0, &SMALL), machine());
        assert_eq!(chopped, whole, "in pieces of {pieces:?}");
    }
    whole
}

fn arrive<T>(
    bytes: &[u8],
    pieces: &[usize],
    mut inbox: Inbox,
    mut advance: impl FnMut(&[u8], &mut Vec<u8>) -> Said<T>,
) -> Heard<T> {
    let (mut rest, mut pieces) = (bytes, pieces.iter().cycle());
    let (mut events, mut sent, mut used) = (Vec::new(), Vec::new(), 0);
    let error = loop {
        let input = inbox.filled();
        match advance(input, &mut sent) {
            Err(error) => break Some(error),
            Ok((consumed, event)) => {
                assert!(consumed <= input.len(), "consumed {consumed} of {}", input.len());
                inbox.consume(consumed);
                used += consumed;
                if let Some(event) = event {
                    events.push(event);
                    continue;
                }
            }
        }
        if rest.is_empty() {
            break None;
        }
        let spare = inbox.spare_mut();
        assert!(!spare.is_empty(), "it waits for more than fits");
        let n = pieces.next().map_or(1, |n| (*n).max(1)).min(rest.len()).min(spare.len());
        spare[..n].copy_from_slice(&rest[..n]);
        inbox.commit(n);
        rest = &rest[n..];
    };
    for more in [&b""[..], bytes] {
        let latched = error.is_none() || advance(more, &mut Vec::new()).err() == error;
        assert!(latched, "another answer after {error:?}");
    }
    let finished_at = (error == Some(Error::Finished)).then_some(used);
    Heard { events, sent, error, finished_at }
}

/// A session with a server that asked for nothing: what the later phases begin with.
pub(crate) fn session() -> Session {
    let mut startup = new_startup(&credentials(), &mut Vec::new());
    let opening = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\x04\xd2ABCDZ\0\0\0\x05I";
    startup.advance(opening, &mut Vec::new()).unwrap().event.unwrap()
}

/// The start-up of somebody whom the server calls nudger.
pub(crate) fn new_startup(credentials: &Credentials, out: &mut Vec<u8>) -> Startup {
    let parameters = [(c"database", c"app"), (c"replication", c"database")];
    Startup::new(c"nudger", &parameters, credentials.clone(), SMALL, out)
}

/// The nonce is that of the recorded session.
pub(crate) fn credentials() -> Credentials {
    Credentials::new(Some(Secret::new("nudger")), ScramNonce::new([42; 18]))
}

/// The smallest head, and no more rounds of PBKDF2 than PostgreSQL asks for.
pub(crate) const SMALL: Limits = Limits::DEFAULT.with_head(0).with_scram_iterations(4096);
