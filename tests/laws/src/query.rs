//! The answer to a query, from any server.

use nudge_proto::*;

use crate::bytes_arrive::{any_chopping, session};

/// What a query said, without borrowing.
#[derive(Debug, PartialEq)]
enum Said {
    Row(Vec<Option<Vec<u8>>>),
    Notice(Vec<u8>, bool),
    Done(Box<Session>, Result<(), Box<ErrorResponse>>),
}

/// Law: chopping does not matter; a row has as many columns, and as long ones, as its bytes say; the
/// session is given back once, at the end.
pub fn query(server: &[u8]) {
    let heard = any_chopping(server, || {
        let mut query = session().query(c"SELECT 1", &mut Vec::new());
        move |input: &[u8], _: &mut Vec<u8>| {
            let step = query.advance(input)?;
            let event = step.event.map(|event| match event {
                QueryEvent::Row(row) => Said::Row(values(row)),
                QueryEvent::Notice(notice) => Said::Notice(notice.message().to_vec(), notice.is_cut()),
                QueryEvent::Done { session, outcome } => Said::Done(Box::new(session), outcome),
            });
            Ok((step.consumed, event))
        }
    });
    let done = |event: &Said| matches!(event, Said::Done(..));
    assert_eq!(
        heard.events.iter().filter(|event| done(event)).count(),
        usize::from(heard.finished_at.is_some())
    );
    assert!(heard.finished_at.is_none() || heard.events.last().is_some_and(done));
    let rows = heard.events.iter().filter_map(|event| match event {
        Said::Row(values) => Some(values.clone()),
        Said::Notice(..) | Said::Done(..) => None,
    });
    assert!(data_rows(server).starts_with(&rows.collect::<Vec<_>>()));
}

fn values(row: DataRow<'_>) -> Vec<Option<Vec<u8>>> {
    row.columns().map(|value| value.map(<[u8]>::to_vec)).collect()
}

/// The rows among the messages, read naively.
fn data_rows(mut bytes: &[u8]) -> Vec<Vec<Option<Vec<u8>>>> {
    let mut rows = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        let Some((body, rest)) = rest.split_at_checked((length as usize).saturating_sub(4)) else { break };
        if header[0] == b'D' {
            rows.extend(columns(body));
        }
        bytes = rest;
    }
    rows
}

fn columns(body: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
    let (count, mut body) = body.split_first_chunk::<2>()?;
    let mut values = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let length = i32::from_be_bytes(*length);
        let (value, rest) = rest.split_at_checked(usize::try_from(length.max(0)).unwrap())?;
        values.push((length >= 0).then(|| value.to_vec()));
        body = rest;
    }
    Some(values)
}
