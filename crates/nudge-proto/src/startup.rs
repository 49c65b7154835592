//! From the startup message to the first ReadyForQuery (manual, "Start-up" in "Message Flow").

use alloc::vec::Vec;
use core::ffi::CStr;

use crate::authentication::{Authenticator, Credentials};
use crate::frame::{Alphabet, Deframer, Frame};
use crate::message::{Authentication, BackendKey, ErrorResponse, Parameters, put_startup, tag};
use crate::{Error, Limits, Malformed, Phase, Session, Step};

/// The first machine of a connection. It ends by yielding a [`Session`].
///
/// Call [`advance`](Self::advance) with what has arrived, send what it appends to `out`, drop what it
/// consumed; when its step has no event, read more.
#[derive(Clone, Debug, PartialEq)]
pub struct Startup {
    deframer: Deframer,
    authenticator: Authenticator,
    parameters: Parameters,
    backend_key: Option<BackendKey>,
    /// The first error, which every later call repeats.
    failed: Option<Error>,
}

impl Startup {
    /// Appends the startup message to `out`: `user`, then `parameters` such as `database`,
    /// `application_name` and `replication` (`database` for logical replication).
    pub fn new(
        user: &CStr,
        parameters: &[(&CStr, &CStr)],
        credentials: Credentials,
        limits: Limits,
        out: &mut Vec<u8>,
    ) -> Self {
        let all: Vec<_> = [(c"user", user)].into_iter().chain(parameters.iter().copied()).collect();
        put_startup(out, &all);
        Self {
            deframer: Deframer::new(&limits),
            authenticator: Authenticator::new(user, credentials, limits),
            parameters: Parameters::default(),
            backend_key: None,
            failed: None,
        }
    }

    /// Consumes input and appends answers to `out`. Its only event is the session; afterwards the
    /// machine is used up.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step<Session>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let step = self.step(input, out);
        self.failed = match &step {
            Ok(Step { event: Some(_), .. }) => Some(Error::Finished),
            Ok(_) => None,
            Err(error) => Some(error.clone()),
        };
        step
    }

    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Step<Session>, Error> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let (used, frame) = self.deframer.next(rest, self.alphabet())?;
            consumed += used;
            let Some(frame) = frame else {
                return Ok(Step { consumed, event: None });
            };
            if let Some(session) = self.handle(frame, out)? {
                return Ok(Step { consumed, event: Some(session) });
            }
        }
    }

    fn alphabet(&self) -> &'static Alphabet {
        if self.authenticator.is_done() { &AUTHENTICATED } else { &AUTHENTICATING }
    }

    fn handle(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) -> Result<Option<Session>, Error> {
        match frame.tag {
            tag::AUTHENTICATION => self.authenticator.handle(Authentication::parse(frame.head)?, out)?,
            tag::PARAMETER_STATUS => self.parameters.update(frame.head, frame.cut)?,
            tag::BACKEND_KEY_DATA => self.backend_key = Some(BackendKey::parse(frame.head)?),
            tag::ERROR_RESPONSE => return Err(ErrorResponse::parse(frame.head).into()),
            tag::READY_FOR_QUERY => return self.session().map(Some),
            _ => {} // NoticeResponse, NotificationResponse
        }
        Ok(None)
    }

    fn session(&mut self) -> Result<Session, Error> {
        let key = self.backend_key.take();
        // Without it a command that waits could not be cancelled. Every PostgreSQL sends one.
        let key = key.ok_or(Malformed::Body { tag: tag::BACKEND_KEY_DATA })?;
        Ok(Session::new(self.deframer.clone(), core::mem::take(&mut self.parameters), key))
    }
}

/// Until AuthenticationOk nothing else is believed.
const AUTHENTICATING: Alphabet = Alphabet {
    phase: Phase::Startup,
    asynchronous: false,
    heads: &[tag::ERROR_RESPONSE],
    wholes: &[tag::AUTHENTICATION],
};

const AUTHENTICATED: Alphabet = Alphabet {
    phase: Phase::Startup,
    asynchronous: true,
    heads: &[tag::ERROR_RESPONSE],
    wholes: &[tag::BACKEND_KEY_DATA, tag::READY_FOR_QUERY],
};
