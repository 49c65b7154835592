//! From a simple query to the next ReadyForQuery (manual, "Simple Query" in "Message Flow").

use alloc::boxed::Box;

use crate::frame::{Alphabet, Frame};
use crate::message::{DataRow, ErrorResponse, NoticeResponse, tag};
use crate::{Error, Phase, Session, Step};

/// A query under way. It ends by giving the session back.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// `None` once it was given back.
    session: Option<Session>,
    refusal: Option<Box<ErrorResponse>>,
    failed: Option<Error>,
}

/// What a query yields.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryEvent<'a> {
    /// A row of the answer.
    Row(DataRow<'a>),
    /// A warning or a note.
    Notice(NoticeResponse<'a>),
    /// The query is over and the connection idle again.
    Done {
        /// The session, for the next command.
        session: Session,
        /// The server's error, if it refused the query. An error that ends the connection is
        /// returned by [`Query::advance`] instead.
        outcome: Result<(), Box<ErrorResponse>>,
    },
}

impl Query {
    pub(crate) fn new(session: Session) -> Self {
        Self { session: Some(session), refusal: None, failed: None }
    }

    /// Consumes input up to and including the next event. After [`QueryEvent::Done`] the machine is
    /// used up.
    pub fn advance<'a>(&mut self, input: &'a [u8]) -> Result<Step<QueryEvent<'a>>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let step = self.step(input);
        self.failed = match &step {
            Ok(Step { event: Some(QueryEvent::Done { .. }), .. }) => Some(Error::Finished),
            Ok(_) => None,
            Err(error) => Some(error.clone()),
        };
        step
    }

    fn step<'a>(&mut self, input: &'a [u8]) -> Result<Step<QueryEvent<'a>>, Error> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let session = self.session.as_mut().ok_or(Error::Finished)?;
            let (used, frame) = session.deframer.next(rest, &ALPHABET)?;
            consumed += used;
            let Some(frame) = frame else {
                return Ok(Step { consumed, event: None });
            };
            if let Some(event) = self.handle(frame)? {
                return Ok(Step { consumed, event: Some(event) });
            }
        }
    }

    fn handle<'a>(&mut self, frame: Frame<'a>) -> Result<Option<QueryEvent<'a>>, Error> {
        let session = self.session.as_mut().ok_or(Error::Finished)?;
        match frame.tag {
            tag::DATA_ROW => return Ok(Some(QueryEvent::Row(DataRow::parse(frame.head)?))),
            tag::NOTICE_RESPONSE => {
                return Ok(Some(QueryEvent::Notice(NoticeResponse::new(frame.head, frame.cut))));
            }
            tag::PARAMETER_STATUS => session.parameters.update(frame.head, frame.cut)?,
            tag::ERROR_RESPONSE => self.refuse(ErrorResponse::parse(frame.head))?,
            tag::READY_FOR_QUERY => {
                let outcome = self.refusal.take().map_or(Ok(()), Err);
                let done = |session| QueryEvent::Done { session, outcome };
                return Ok(self.session.take().map(done));
            }
            // RowDescription, CommandComplete, EmptyQueryResponse, NotificationResponse: nothing in them is
            // needed.
            _ => {}
        }
        Ok(None)
    }

    /// After an ERROR comes ReadyForQuery; after a FATAL nothing more.
    fn refuse(&mut self, response: ErrorResponse) -> Result<(), Error> {
        if response.is_fatal() {
            return Err(response.into());
        }
        self.refusal = Some(Box::new(response));
        Ok(())
    }
}

const ALPHABET: Alphabet = Alphabet {
    phase: Phase::Query,
    asynchronous: true,
    heads: &[tag::ROW_DESCRIPTION, tag::ERROR_RESPONSE],
    wholes: &[tag::DATA_ROW, tag::COMMAND_COMPLETE, tag::EMPTY_QUERY_RESPONSE, tag::READY_FOR_QUERY],
};
