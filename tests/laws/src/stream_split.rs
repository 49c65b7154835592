//! The replication stream, from any server.

use nudge_proto::*;

use crate::bytes_arrive::{any_chopping, session};

/// What a stream said, without borrowing.
#[derive(Debug, PartialEq)]
enum Said {
    Started,
    Data { start: u64, end: u64, head: Vec<u8>, cut: bool },
    Keepalive { end: u64, reply: bool },
    Notice { message: Vec<u8>, cut: bool },
    Unknown { kind: Option<u8> },
    Ended,
}

/// Law: chopping does not matter, the smallest inbox is enough for messages of any length, and the
/// events are those that a naive reader of the whole finds.
pub fn stream_split(server: &[u8]) {
    let heard = any_chopping(server, || {
        let slot = SlotName::new("laws").unwrap();
        let start = StartReplication::logical::<&str, &str>(&slot, Lsn::ZERO, []).unwrap();
        let mut stream = session().start_replication(&start, &mut Vec::new());
        move |input: &[u8], _: &mut Vec<u8>| {
            let step = stream.advance(input)?;
            Ok((step.consumed, step.event.map(owned)))
        }
    });
    let (events, broken) = naively(server);
    assert_eq!(heard.events, events);
    assert_eq!(heard.error.is_some(), broken, "{:?}", heard.error);
}

fn owned(event: StreamEvent<'_>) -> Said {
    match event {
        StreamEvent::Started => Said::Started,
        StreamEvent::XLogData(data) => Said::Data {
            start: data.start().get(),
            end: data.end().get(),
            head: data.head().to_vec(),
            cut: data.is_cut(),
        },
        StreamEvent::Keepalive(k) => Said::Keepalive { end: k.end().get(), reply: k.reply_requested() },
        StreamEvent::Notice(n) => Said::Notice { message: n.message().to_vec(), cut: n.is_cut() },
        StreamEvent::Unknown { kind } => Said::Unknown { kind },
        StreamEvent::Ended => Said::Ended,
    }
}

/// Reads the whole, message by message. Returns the events, and whether it ends in an error.
fn naively(mut bytes: &[u8]) -> (Vec<Said>, bool) {
    let mut events = Vec::new();
    while let Some((&[tag, a, b, c, d], rest)) = bytes.split_first_chunk::<5>() {
        let Ok(length @ 4..) = usize::try_from(i32::from_be_bytes([a, b, c, d])) else {
            return (events, true);
        };
        let (length, started) = (length - 4, events.contains(&Said::Started));
        let fits = match tag {
            b'A' | b'N' | b'S' | b'E' => true,
            b'd' => started,
            b'W' => !started && length <= Limits::MIN_HEAD,
            b'c' | b'C' => started && length <= Limits::MIN_HEAD,
            _ => false,
        };
        if !fits {
            return (events, true);
        }
        let Some(head) = rest.get(..length.min(Limits::MIN_HEAD)) else { break };
        match event(tag, head, length > head.len()) {
            Ok(event) => events.extend(event),
            Err(()) => return (events, true),
        }
        bytes = rest.get(length..).unwrap_or_default();
    }
    (events, false)
}

fn event(tag: u8, head: &[u8], cut: bool) -> Result<Option<Said>, ()> {
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
    Ok(Some(match (tag, head) {
        (b'W', _) => Said::Started,
        (b'c' | b'C', _) => Said::Ended,
        (b'A' | b'S', _) => return Ok(None),
        (b'N', fields) => Said::Notice { message: message(fields), cut },
        (b'd', [b'w', body @ ..]) if body.len() >= 24 => {
            let (start, end, head) = (number(&body[..8]), number(&body[8..16]), body[24..].to_vec());
            Said::Data { start, end, head, cut }
        }
        (b'd', [b'k', body @ ..]) if body.len() == 17 => {
            Said::Keepalive { end: number(&body[..8]), reply: body[16] != 0 }
        }
        (b'd', [] | [0..b'k' | b'l'..b'w' | b'x'.., ..]) => Said::Unknown { kind: head.first().copied() },
        _ => return Err(()),
    }))
}

/// The field `M` of a notice.
fn message(fields: &[u8]) -> Vec<u8> {
    let fields = fields.split(|byte| *byte == 0).take_while(|field| !field.is_empty());
    let mut texts = fields.filter_map(|field| field.strip_prefix(b"M"));
    texts.next().unwrap_or_default().to_vec()
}
