//! A session that a real PostgreSQL 15 spoke, from SCRAM to the stream: chopped in any way it is the
//! same session, and with the same nonce our side of it is the same to the byte.
//!
//! `server.bin` and `client.bin` are what either side sent: a login as nudger/nudger with the nonce
//! `[42; 18]`, a slot for test_decoding, two inserts (one of 3,000 characters) and two deletes.

#![allow(clippy::unwrap_used, reason = "tests")]

use nudge_proto::*;
use proptest::prelude::*;

const SERVER: &[u8] = include_bytes!("recorded/server.bin");
const CLIENT: &[u8] = include_bytes!("recorded/client.bin");

/// What arrives when, and what was said to it.
struct Wire<'a> {
    rest: &'a [u8],
    chops: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    inbox: Inbox,
    out: Vec<u8>,
    sent: Vec<u8>,
}

impl Wire<'_> {
    /// Sends, and lets the next piece of the recording arrive; `false` at its end.
    fn exchange(&mut self) -> bool {
        self.sent.append(&mut self.out);
        let spare = self.inbox.spare_mut();
        let n = self.chops.next().copied().unwrap().clamp(1, spare.len()).min(self.rest.len());
        spare[..n].copy_from_slice(&self.rest[..n]);
        self.inbox.commit(n);
        self.rest = &self.rest[n..];
        n > 0
    }
}

/// Replays the recording in pieces of these sizes: every event, and what we sent.
fn replay(chops: &[usize]) -> (Vec<String>, Vec<u8>) {
    let limits = Limits::DEFAULT.with_head(0);
    let inbox = Inbox::new(0, &limits);
    let mut wire = Wire { rest: SERVER, chops: chops.iter().cycle(), inbox, out: vec![], sent: vec![] };
    let mut log = vec![];
    let session = log_in(&mut wire, limits);
    log.push(format!("{:?}", session.parameters()));
    let slot = SlotName::new("recorded").unwrap();
    let session = create_slot(&mut wire, session, &slot, &mut log);
    let start = StartReplication::logical(&slot, Lsn::ZERO, [("include-xids", "1")]).unwrap();
    let mut stream = session.start_replication(&start, &mut wire.out);
    loop {
        let step = stream.advance(wire.inbox.filled()).unwrap();
        let (consumed, some) = (step.consumed, step.event.is_some());
        log.extend(step.event.iter().map(|event| format!("{event:?}")));
        wire.inbox.consume(consumed);
        if !some && !wire.exchange() {
            return (log, wire.sent);
        }
    }
}

fn log_in(wire: &mut Wire<'_>, limits: Limits) -> Session {
    let credentials = Credentials::new(Some("nudger".into()), ScramNonce::new([42; 18]));
    let parameters = [(c"database", c"app"), (c"replication", c"database")];
    let mut startup = Startup::new(c"nudger", &parameters, credentials, limits, &mut wire.out);
    loop {
        let step = startup.advance(wire.inbox.filled(), &mut wire.out).unwrap();
        wire.inbox.consume(step.consumed);
        match step.event {
            Some(session) => return session,
            None => assert!(wire.exchange(), "the recording ends in the login"),
        }
    }
}

fn create_slot(wire: &mut Wire<'_>, session: Session, slot: &SlotName, log: &mut Vec<String>) -> Session {
    let command = CreateTemporarySlot::new(slot, "test_decoding").unwrap();
    let mut query = session.query(command.as_sql(), &mut wire.out);
    loop {
        let step = query.advance(wire.inbox.filled()).unwrap();
        let consumed = step.consumed;
        let mut done = None;
        let mut more = false;
        match step.event {
            Some(QueryEvent::Done { session, outcome }) => {
                outcome.unwrap();
                done = Some(session);
            }
            Some(event) => log.push(format!("{event:?}")),
            None => more = true,
        }
        wire.inbox.consume(consumed);
        if let Some(session) = done {
            return session;
        }
        assert!(!more || wire.exchange(), "the recording ends in the slot creation");
    }
}

#[test]
fn our_side_of_a_recorded_session_is_the_same_to_the_byte() {
    let (log, sent) = replay(&[usize::MAX]);
    assert_eq!(sent, CLIENT);
    assert!(log[0].contains("15.") && log[1].starts_with("Row("), "{log:?}");
    let cut = log.iter().filter(|event| event.contains("cut: true")).count();
    let whole = log.iter().filter(|event| event.contains("XLogData") && event.contains("cut: false")).count();
    // Three transactions of which one is DDL, four rows: one insert is longer than the head.
    assert_eq!((cut, whole), (1, 9), "{log:#?}");
}

proptest! {
    #[test]
    fn chopping_a_recorded_session_does_not_matter(chops in prop::collection::vec(1..2000_usize, 1..30)) {
        prop_assert_eq!(replay(&chops), replay(&[usize::MAX]));
        prop_assert_eq!(replay(&[1]), replay(&[usize::MAX]));
    }
}
