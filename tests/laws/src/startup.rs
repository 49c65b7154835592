//! Logging in to any server.

use nudge_proto::*;

use crate::bytes_arrive::{any_chopping, credentials, new_startup};

/// Law: whatever a server sends and however it is chopped, start-up ends in the same session, with
/// the same answers, or in the same error. The password and what can be computed from its hash leave
/// us on a protected channel only.
pub fn startup(server: &[u8]) {
    for security in [Security::Plain, Security::Local] {
        let credentials = credentials().security(security.clone());
        let heard = any_chopping(server, || {
            let mut startup = new_startup(&credentials, &mut Vec::new());
            move |input: &[u8], out: &mut Vec<u8>| {
                startup.advance(input, out).map(|step| (step.consumed, step.event))
            }
        });
        // An error is latched; so a session was the last event, and the only one.
        assert_eq!(heard.events.len(), usize::from(heard.finished_at.is_some()));
        let answers = messages(&heard.sent);
        assert!(answers.len() <= 2, "{answers:?}");
        for answer in answers {
            let scram = answer.starts_with(b"SCRAM-SHA-256\0") || answer.starts_with(b"c=");
            assert!(scram || security == Security::Local, "in the clear: {answer:?}");
        }
    }
}

/// The bodies of the messages that a client sends, of which the first byte is a tag.
pub(crate) fn messages(mut sent: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some((header, rest)) = sent.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        let (body, rest) = rest.split_at(usize::try_from(length).unwrap() - 4);
        messages.push(body);
        sent = rest;
    }
    assert!(sent.is_empty(), "half a message: {sent:?}");
    messages
}
