//! A server that refuses everybody, in words that are meant for what shows them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A line end that forges a line, a sequence and a C1 control that steer a terminal, a mark that reverses, and one
/// that is not seen.
pub(crate) const WORDS: &str = "x\nMAINPID=1\nWATCHDOG=trigger\x1b[2J\u{202e}\u{9b}31m\u{200b}y";
/// What a reader may see of them.
pub(crate) const SHOWN: &str = r"x\nMAINPID=1\nWATCHDOG=trigger\u{1b}[2J\u{202e}\u{9b}31m\u{200b}y";
/// The same within JSON, as it goes out.
pub(crate) const IN_JSON: &str = r"x\\nMAINPID=1\\nWATCHDOG=trigger\\u{1b}[2J\\u{202e}\\u{9b}31m\\u{200b}y";

/// Refuses every login with this SQLSTATE. Yields the connection text.
pub(crate) fn refusing_with(code: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // A client that goes away is none of the test's business.
            let _ = refuse(client, code);
        }
    });
    format!("host=127.0.0.1 port={port} user=u dbname=d sslmode=disable")
}

fn refuse(mut client: TcpStream, code: &str) -> std::io::Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap() - 4;
    client.read_exact(&mut vec![0; rest])?;
    let body = format!("SFATAL\0VFATAL\0C{code}\0M{WORDS}\0D{WORDS}\0H{WORDS}\0\0");
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    client.write_all(&[b"E", &length[..], body.as_bytes()].concat())
}

/// Whether a text has anything in it that a reader cannot see, beside ends of lines.
pub(crate) fn steers(text: &str) -> bool {
    text.chars().any(|c| c != '\n' && (c.is_control() || "\u{202e}\u{200b}".contains(c)))
}
