//! The replication stream: CopyBoth until the connection ends (manual, "Streaming Replication
//! Protocol").

use alloc::vec::Vec;

use crate::frame::{Alphabet, Deframer, Frame};
use crate::message::{ErrorResponse, Keepalive, NoticeResponse, StandbyStatus, XLogData, tag};
use crate::{Error, Phase, Step};

/// The last machine of a connection: it yields what the server streams, for as long as it does.
///
/// Memory does not depend on what is streamed. Of each message the head is yielded and the rest is
/// skipped as it arrives: a row of 1 GiB needs no more than a row of 8 KiB.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    deframer: Deframer,
    state: State,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// CopyBothResponse has not come yet.
    Starting,
    Streaming,
    Failed(Error),
}

/// What a stream yields.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StreamEvent<'a> {
    /// CopyBothResponse: the server streams from now on.
    Started,
    /// A message of the output plugin.
    XLogData(XLogData<'a>),
    /// A sign of life; may ask for an answer.
    Keepalive(Keepalive),
    /// A warning or a note, such as wal2json's about a table without key.
    Notice(NoticeResponse<'a>),
    /// CopyData of a kind that this crate does not know, or without any: perhaps a change.
    Unknown {
        /// Its first byte.
        kind: Option<u8>,
    },
    /// The server ended the stream, as it does when it shuts down.
    Ended,
}

impl Stream {
    pub(crate) fn new(deframer: Deframer) -> Self {
        Self { deframer, state: State::Starting }
    }

    /// Consumes input up to and including the next event. `consumed <= input.len()`, and without an
    /// event everything that could be consumed was: bring more.
    #[inline]
    pub fn advance<'a>(&mut self, input: &'a [u8]) -> Result<Step<StreamEvent<'a>>, Error> {
        match self.glance(input) {
            Some(step) => Ok(step),
            None => self.look(input),
        }
    }

    /// Nearly every message of a stream is a whole one of the output plugin: that is seen at its first
    /// bytes.
    #[inline]
    fn glance<'a>(&self, input: &'a [u8]) -> Option<Step<StreamEvent<'a>>> {
        let (consumed, [XLogData::KIND, body @ ..]) = self.deframer.whole(tag::COPY_DATA, input)? else {
            return None;
        };
        let data = XLogData::parse(body, false).ok()?;
        let streaming = matches!(self.state, State::Streaming);
        streaming.then_some(Step { consumed, event: Some(StreamEvent::XLogData(data)) })
    }

    #[inline(never)] // It would crowd out the short way.
    fn look<'a>(&mut self, input: &'a [u8]) -> Result<Step<StreamEvent<'a>>, Error> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let step = self.step(input);
        if let Err(error) = &step {
            self.state = State::Failed(error.clone());
        }
        step
    }

    /// Appends a standby status update.
    pub fn standby_status(&self, status: &StandbyStatus, out: &mut Vec<u8>) {
        status.put(out);
    }

    fn step<'a>(&mut self, input: &'a [u8]) -> Result<Step<StreamEvent<'a>>, Error> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let alphabet = if matches!(self.state, State::Streaming) { &STREAMING } else { &STARTING };
            let (used, frame) = self.deframer.next(rest, alphabet)?;
            consumed += used;
            let Some(frame) = frame else {
                return Ok(Step { consumed, event: None });
            };
            if let Some(event) = self.handle(frame)? {
                return Ok(Step { consumed, event: Some(event) });
            }
        }
    }

    fn handle<'a>(&mut self, frame: Frame<'a>) -> Result<Option<StreamEvent<'a>>, Error> {
        Ok(Some(match frame.tag {
            tag::COPY_DATA => return replication_message(frame).map(Some),
            tag::NOTICE_RESPONSE => StreamEvent::Notice(NoticeResponse::new(frame.head, frame.cut)),
            tag::ERROR_RESPONSE => return Err(ErrorResponse::parse(frame.head).into()),
            tag::COPY_BOTH_RESPONSE => {
                self.state = State::Streaming;
                StreamEvent::Started
            }
            tag::COPY_DONE | tag::COMMAND_COMPLETE => StreamEvent::Ended,
            _ => return Ok(None), // ParameterStatus, NotificationResponse
        }))
    }
}

/// CopyData carries one replication message, told by its first byte.
fn replication_message(frame: Frame<'_>) -> Result<StreamEvent<'_>, Error> {
    match *frame.head {
        [XLogData::KIND, ref body @ ..] => Ok(StreamEvent::XLogData(XLogData::parse(body, frame.cut)?)),
        [Keepalive::KIND, ref body @ ..] => Ok(StreamEvent::Keepalive(Keepalive::parse(body)?)),
        ref other => Ok(StreamEvent::Unknown { kind: other.first().copied() }),
    }
}

const STARTING: Alphabet = Alphabet {
    phase: Phase::Stream,
    asynchronous: true,
    heads: &[tag::ERROR_RESPONSE],
    wholes: &[tag::COPY_BOTH_RESPONSE],
};

const STREAMING: Alphabet = Alphabet {
    phase: Phase::Stream,
    asynchronous: true,
    heads: &[tag::COPY_DATA, tag::ERROR_RESPONSE],
    wholes: &[tag::COPY_DONE, tag::COMMAND_COMPLETE],
};
