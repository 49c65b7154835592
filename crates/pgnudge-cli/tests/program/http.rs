//! HTTP as plainly as it can be spoken.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::running::LIMIT;

/// The head of an answer, and the connection behind it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) headers: Vec<String>,
    connection: BufReader<TcpStream>,
}

/// Asks for a path, under a name of the server's.
pub(crate) fn get(server: SocketAddr, path: &str, host: &str) -> Answer {
    send(server, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

/// Sends a text, and reads the head of the answer to it.
pub(crate) fn send(server: SocketAddr, request: &str) -> Answer {
    let mut connection = TcpStream::connect(server).unwrap();
    connection.set_read_timeout(Some(LIMIT)).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut connection = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        assert!(connection.read_line(&mut line).unwrap() > 0, "no whole answer but {lines:?}");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_ascii_lowercase()),
        }
    }
    let status = lines.remove(0).split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, headers: lines, connection }
}

impl Answer {
    /// All of the body, to the end of the connection.
    pub(crate) fn body(mut self) -> String {
        let mut body = String::new();
        self.connection.read_to_string(&mut body).unwrap();
        body
    }

    /// The lines of an event stream up to the next empty one, a comment among them.
    pub(crate) fn block(&mut self) -> String {
        let mut block = String::new();
        while !block.ends_with("\n\n") {
            assert!(self.connection.read_line(&mut block).unwrap() > 0, "the stream has ended: {block}");
        }
        block
    }

    /// The next event of a stream.
    pub(crate) fn event(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.connection.read_line(&mut line).unwrap() > 0, "the stream has ended");
            if let Some(data) = line.trim_end().strip_prefix("data: ") {
                return data.to_owned();
            }
        }
    }
}
