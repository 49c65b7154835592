//! What cannot be undercut: a blocking loop around `recv`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use pgnudge::Plugin;

use super::Arguments;
use crate::failure::Failure;

/// Bytes per read, as the product has them.
pub(crate) const BUFFER: usize = 128 * 1024;

trait Io: Read + Write {}

impl<T: Read + Write> Io for T {}

/// Reads to the end.
pub(super) fn discard(arguments: &Arguments) -> Result<(), Failure> {
    let mut socket = connect(arguments)?;
    let mut buffer = vec![0; BUFFER];
    while receive(&mut *socket, &mut buffer)? > 0 {}
    Ok(())
}

/// Walks the messages. A row's message is told by its first letter; its table's name begins at the
/// same place in each, and is compared with the last one.
pub(super) fn names(arguments: &Arguments) -> Result<(), Failure> {
    let mut socket = connect(arguments)?;
    let mut buffer = vec![0; BUFFER];
    let (mut filled, mut skip) = (0, 0);
    let mut counter = Counter { plugin: arguments.plugin, last: Vec::new(), changes: 0 };
    loop {
        let read = receive(&mut *socket, buffer.get_mut(filled..).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        filled += read;
        let mut at = 0;
        loop {
            let skipped = skip.min(filled - at);
            (skip, at) = (skip - skipped, at + skipped);
            let Some(&[_, a, b, c, d]) = buffer.get(at..filled).and_then(<[u8]>::first_chunk) else { break };
            let length = 1 + u32::from_be_bytes([a, b, c, d]) as usize;
            let Some(head) = buffer.get(at..at + length.min(HEAD)).filter(|head| at + head.len() <= filled)
            else {
                break;
            };
            counter.look(head);
            skip = length;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
    if counter.changes != arguments.changes {
        return Err(Failure::new(format!("{} changes of {}", counter.changes, arguments.changes)));
    }
    Ok(())
}

struct Counter {
    plugin: Plugin,
    /// The name of the last row's table as it is printed, and what follows it.
    last: Vec<u8>,
    changes: u64,
}

impl Counter {
    fn look(&mut self, head: &[u8]) {
        let printed = head.get(PRINTED..).unwrap_or_default();
        let (row, end): (&[u8], &[u8]) = match self.plugin {
            Plugin::TestDecoding => (b"table ", b": INSERT"),
            Plugin::Wal2Json => (b"{\"action\":\"I\"", b",\"columns\""),
        };
        let Some(name) = printed.strip_prefix(row) else { return };
        self.changes += 1;
        if self.last.is_empty() || !name.starts_with(&self.last) {
            let found = memchr::memmem::find(name, end).map_or(0, |at| at + end.len());
            self.last = name.get(..found).unwrap_or_default().to_vec();
        }
    }
}

/// Where the plugin's text begins: behind tag, length, kind, two positions and a clock.
const PRINTED: usize = 30;
/// As much of a message as may be looked at.
const HEAD: usize = 512;

/// 0 at the end, also when that is a reset.
fn receive(socket: &mut dyn Io, buffer: &mut [u8]) -> Result<usize, Failure> {
    match socket.read(buffer) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(0),
        read => Ok(read?),
    }
}

/// Asks for the stream with the fewest words that the protocol allows.
fn connect(arguments: &Arguments) -> Result<Box<dyn Io>, Failure> {
    let mut socket = TcpStream::connect(("127.0.0.1", arguments.port))?;
    let mut socket: Box<dyn Io> = if arguments.tls {
        socket.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        socket.read_exact(&mut [0])?;
        let mut connector = native_tls::TlsConnector::builder();
        connector.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
        Box::new(connector.build()?.connect("localhost", socket)?)
    } else {
        Box::new(socket)
    };
    let startup = b"\0\0\0\x29\0\x03\0\0user\0bench\0replication\0database\0\0";
    socket.write_all(startup)?;
    while message(&mut *socket)? != b'Z' {}
    let command = b"START_REPLICATION SLOT bench LOGICAL 0/0\0";
    socket.write_all(&[b"Q\0\0\0" as &[u8], &[u8::try_from(command.len() + 4)?], &command[..]].concat())?;
    while message(&mut *socket)? != b'W' {}
    Ok(socket)
}

/// Reads one message, and returns its tag.
pub(crate) fn message(socket: &mut dyn Read) -> Result<u8, Failure> {
    let mut header = [0; 5];
    socket.read_exact(&mut header)?;
    let [tag, a, b, c, d] = header;
    let mut body = vec![0; u32::from_be_bytes([a, b, c, d]).saturating_sub(4) as usize];
    socket.read_exact(&mut body)?;
    Ok(tag)
}
