//! The laws of the machines: chopping does not matter, errors latch, nothing panics, and no more is
//! consumed than there was.

#![allow(clippy::unwrap_used, reason = "tests")]

use nudge_proto::*;
use proptest::prelude::*;

/// A small server's side of the protocol: `tag | length | body`.
fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag][..], &length, body].concat()
}

fn x_log_data(lsn: u64, data: &[u8]) -> Vec<u8> {
    frame(b'd', &[b"w", &lsn.to_be_bytes()[..], &lsn.to_be_bytes(), &[0; 8], data].concat())
}

fn keepalive(lsn: u64, reply: u8) -> Vec<u8> {
    frame(b'd', &[b"k", &lsn.to_be_bytes()[..], &[0; 8], &[reply]].concat())
}

fn notification(payload: usize) -> Vec<u8> {
    frame(b'A', &[&b"\0\0\0\x01weather\0"[..], &vec![b'p'; payload], b"\0"].concat())
}

/// A whole connection without password: start-up, one query, the stream.
fn connection(stream: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = [
        frame(b'R', &[0; 4]),
        frame(b'S', b"server_version\x0015.20\0"),
        frame(b'N', &[&b"SNOTICE\0M"[..], &vec![b'n'; 3000], b"\0\0"].concat()),
        frame(b'K', b"\0\0\x04\xd2ABCD"),
        notification(3000),
        frame(b'Z', b"I"),
        frame(b'T', b"\0\x01"),
        frame(b'D', b"\0\x02\0\0\0\x02ab\xff\xff\xff\xff"),
        notification(3000),
        frame(b'C', b"SELECT 1\0"),
        frame(b'Z', b"I"),
        notification(3000),
        frame(b'W', b"\0\0\0"),
    ]
    .concat();
    stream.iter().for_each(|message| bytes.extend_from_slice(message));
    bytes
}

fn credentials() -> Credentials {
    Credentials::new(None, ScramNonce::new([0; 18]))
}

enum Machine {
    Startup(Box<Startup>),
    Query(Box<Query>),
    Stream(Stream),
}

/// Drives all phases over `bytes`, of which `chops` says how many arrive at a time, and writes down
/// what happened. The inbox is as small as it may be.
fn transcript(bytes: &[u8], chops: &[usize]) -> Vec<String> {
    let limits = Limits::DEFAULT.with_head(0);
    let mut out = Vec::new();
    let startup = Startup::new(c"user", &[], credentials(), limits, &mut out);
    let mut machine = Machine::Startup(Box::new(startup));
    let (mut inbox, mut log) = (Inbox::new(0, &limits), Vec::new());
    let (mut rest, mut chops) = (bytes, chops.iter().cycle());
    loop {
        match turn(machine, &mut inbox, &mut out, &mut log) {
            Ok((next, progress)) => {
                machine = next;
                if progress {
                    continue;
                }
            }
            Err(error) => {
                log.push(format!("error: {error}"));
                return log;
            }
        }
        if rest.is_empty() {
            return log;
        }
        let spare = inbox.spare_mut();
        let n = (*chops.next().unwrap()).clamp(1, rest.len()).min(spare.len());
        spare[..n].copy_from_slice(&rest[..n]);
        inbox.commit(n);
        rest = &rest[n..];
    }
}

/// One step; whether it had an event.
fn turn(
    machine: Machine,
    inbox: &mut Inbox,
    out: &mut Vec<u8>,
    log: &mut Vec<String>,
) -> Result<(Machine, bool), Error> {
    let input = inbox.filled();
    let (next, consumed, event) = match machine {
        Machine::Startup(mut startup) => {
            let step = startup.advance(input, out)?;
            match step.event {
                Some(session) => {
                    log.push(format!("session {:?} {:?}", session.parameters(), session.backend_key().pid()));
                    (Machine::Query(Box::new(session.query(c"SELECT 1", out))), step.consumed, true)
                }
                None => (Machine::Startup(startup), step.consumed, false),
            }
        }
        Machine::Query(mut query) => {
            let step = query.advance(input)?;
            match step.event {
                Some(QueryEvent::Done { session, outcome }) => {
                    log.push(format!("done {outcome:?}"));
                    let slot = SlotName::new("s").unwrap();
                    let start = StartReplication::logical::<&str, &str>(&slot, Lsn::ZERO, []).unwrap();
                    (Machine::Stream(session.start_replication(&start, out)), step.consumed, true)
                }
                event => {
                    log.extend(event.iter().map(|event| format!("{event:?}")));
                    let some = event.is_some();
                    (Machine::Query(query), step.consumed, some)
                }
            }
        }
        Machine::Stream(mut stream) => {
            let step = stream.advance(input)?;
            log.extend(step.event.iter().map(|event| format!("{event:?}")));
            (Machine::Stream(stream), step.consumed, step.event.is_some())
        }
    };
    assert!(consumed <= input.len(), "consumed {consumed} of {}", input.len());
    inbox.consume(consumed);
    Ok((next, event))
}

fn stream_message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (any::<u64>(), prop::collection::vec(any::<u8>(), 0..4000))
            .prop_map(|(lsn, data)| x_log_data(lsn, &data)),
        (any::<u64>(), any::<u8>()).prop_map(|(lsn, reply)| keepalive(lsn, reply)),
        prop::collection::vec(any::<u8>(), 0..3000).prop_map(|fields| frame(b'N', &fields)),
        Just(frame(b'S', b"TimeZone\0UTC\0")),
        (0..3000_usize).prop_map(notification),
        prop::collection::vec(any::<u8>(), 0..3000).prop_map(|data| frame(b'd', &data)),
        Just(frame(b'c', b"")),
        Just(frame(b'E', b"SFATAL\0VFATAL\0C57P01\0Mbye\0\0")),
        prop::collection::vec(any::<u8>(), 0..50),
    ]
}

proptest! {
    /// Split invariance: any chopping of the same bytes gives the same events.
    #[test]
    fn chopping_does_not_matter(
        stream in prop::collection::vec(stream_message(), 0..8),
        chops in prop::collection::vec(1..2500_usize, 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = connection(&stream);
        let bytes = &bytes[..=cut.index(bytes.len())];
        prop_assert_eq!(transcript(bytes, &[usize::MAX]), transcript(bytes, &chops));
        prop_assert_eq!(transcript(bytes, &[usize::MAX]), transcript(bytes, &[1]));
    }

    /// Whatever a peer sends: no panic, no endless loop, and `consumed <= len` (asserted in `turn`).
    #[test]
    fn garbage_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..3000), chops in prop::collection::vec(1..100_usize, 1..5)) {
        transcript(&bytes, &chops);
    }
}

#[test]
fn a_clean_connection_reads_to_its_end() {
    let row = x_log_data(9, &vec![b'x'; 100_000]);
    let stream =
        [keepalive(7, 1), row, notification(5), frame(b'd', b"?"), frame(b'd', b""), frame(b'c', b"")];
    let log = transcript(&connection(&stream), &[usize::MAX]);
    assert!(log[0].starts_with("session Parameters"), "{log:?}");
    assert!(log[1].starts_with("Row(") && log[2] == "done Ok(())" && log[3] == "Started", "{log:?}");
    assert!(log[4].starts_with("Keepalive(") && log[5].contains("cut: true"), "{log:?}");
    assert_eq!(log[6..], ["Unknown { kind: Some(63) }", "Unknown { kind: None }", "Ended"]);
}

#[test]
fn errors_latch() {
    let mut out = Vec::new();
    let mut startup = Startup::new(c"user", &[], credentials(), Limits::default(), &mut out);
    let error = startup.advance(b"HTTP/1.1 400 Bad Request", &mut out).unwrap_err();
    assert_eq!(error, Error::Unexpected { tag: b'H', phase: Phase::Startup });
    let good = connection(&[]);
    assert_eq!(startup.advance(&good, &mut out).unwrap_err(), error);
}

#[test]
fn a_session_is_yielded_once() {
    let mut out = Vec::new();
    let mut startup = Startup::new(c"user", &[], credentials(), Limits::default(), &mut out);
    assert!(startup.advance(&connection(&[]), &mut out).unwrap().event.is_some());
    assert_eq!(startup.advance(b"", &mut out).unwrap_err(), Error::Finished);
}

/// The peer's secrets and ours stay out of whatever somebody logs.
#[test]
fn debug_shows_no_secrets() {
    let mut out = Vec::new();
    let credentials = Credentials::new(Some("hunter2".into()), ScramNonce::new([0; 18]));
    let startup = Startup::new(c"user", &[], credentials, Limits::default(), &mut out);
    assert!(!format!("{startup:?}").contains("hunter2"));
}
