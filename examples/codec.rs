//! The protocol alone, over a blocking socket: prints what the plugin prints. (Of the server it trusts everything; over a
//! network `nudge_proto::ssl_request` and a TLS library come first.)

use std::error::Error;
use std::ffi::CString;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use nudge_proto::{
    CreateTemporarySlot, Credentials, Inbox, Limits, Lsn, QueryEvent, ScramNonce, Secret, Session, SlotName,
    StandbyStatus, StartReplication, Startup, Stream, StreamEvent,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut wire = Wire::connect(&var("PGHOST", "127.0.0.1"), &var("PGPORT", "5432"))?;
    let session = wire.log_in()?;
    let slot = SlotName::new("codec_example")?;
    let session = wire.make_slot(session, &slot)?;
    let start = StartReplication::logical(&slot, Lsn::ZERO, [("skip-empty-xacts", "1")])?;
    let stream = session.start_replication(&start, &mut wire.out);
    wire.print(stream)
}

/// A socket, and what has come and is to go through it.
struct Wire {
    socket: TcpStream,
    inbox: Inbox,
    out: Vec<u8>,
}

impl Wire {
    fn connect(host: &str, port: &str) -> Result<Self, Box<dyn Error>> {
        let socket = TcpStream::connect((host, port.parse()?))?;
        let inbox = Inbox::new(Inbox::DEFAULT_CAPACITY, &Limits::DEFAULT);
        Ok(Self { socket, inbox, out: Vec::new() })
    }

    /// Sends what is to be sent, then waits for more.
    fn exchange(&mut self) -> io::Result<()> {
        self.socket.write_all(&self.out)?;
        self.out.clear();
        match self.socket.read(self.inbox.spare_mut())? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.inbox.commit(n);
                Ok(())
            }
        }
    }

    fn log_in(&mut self) -> Result<Session, Box<dyn Error>> {
        let [user, database] = [var("PGUSER", "postgres"), var("PGDATABASE", "postgres")].map(CString::new);
        let (user, database) = (user?, database?);
        let password = std::env::var("PGPASSWORD").ok().map(Secret::new);
        let mut nonce = [0; 18];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut nonce)?;
        let credentials = Credentials::new(password, ScramNonce::new(nonce));
        let parameters = [(c"database", &*database), (c"replication", c"database")];
        let mut startup = Startup::new(&user, &parameters, credentials, Limits::DEFAULT, &mut self.out);
        loop {
            let step = startup.advance(self.inbox.filled(), &mut self.out)?;
            self.inbox.consume(step.consumed);
            match step.event {
                Some(session) => return Ok(session),
                None => self.exchange()?,
            }
        }
    }

    /// It ends with the connection.
    fn make_slot(&mut self, session: Session, slot: &SlotName) -> Result<Session, Box<dyn Error>> {
        let create = CreateTemporarySlot::new(slot, "test_decoding")?;
        let mut query = session.query(create.as_sql(), &mut self.out);
        loop {
            let step = query.advance(self.inbox.filled())?;
            let (consumed, waits) = (step.consumed, step.event.is_none());
            let done = match step.event {
                Some(QueryEvent::Done { session, outcome }) => Some(outcome.map(|_| session)?),
                _ => None,
            };
            self.inbox.consume(consumed);
            match done {
                Some(session) => return Ok(session),
                None if waits => self.exchange()?,
                None => {}
            }
        }
    }

    fn print(&mut self, mut stream: Stream) -> Result<(), Box<dyn Error>> {
        loop {
            let step = stream.advance(self.inbox.filled())?;
            let (consumed, waits) = (step.consumed, step.event.is_none());
            match step.event {
                Some(StreamEvent::XLogData(data)) => {
                    println!("{} {}", data.end(), String::from_utf8_lossy(data.head()).escape_debug());
                }
                // The server ends a connection that does not answer.
                Some(StreamEvent::Keepalive(keepalive)) if keepalive.reply_requested() => {
                    let [written, flushed, applied] = [keepalive.end(); 3];
                    let sent_at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as i64 - EPOCH;
                    let status = StandbyStatus { written, flushed, applied, sent_at, reply_requested: false };
                    stream.standby_status(&status, &mut self.out);
                }
                Some(StreamEvent::Ended) => return Ok(()),
                _ => {}
            }
            self.inbox.consume(consumed);
            if waits {
                self.exchange()?;
            }
        }
    }
}

fn var(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.into())
}

/// From 1970 to PostgreSQL's 2000-01-01, in microseconds.
const EPOCH: i64 = 946_684_800_000_000;
