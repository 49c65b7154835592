//! What cannot be undercut: a blocking loop around `recv`, that never answers. The server waits for ever.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use super::Arguments;
use crate::client::{BUFFER, message};
use crate::failure::Failure;
use crate::product_options::options_of;

pub(super) fn follow(arguments: &Arguments, nap: Duration) -> Result<(), Failure> {
    let mut socket = connect(arguments)?;
    println!("ready");
    let mut buffer = vec![0; BUFFER];
    while socket.read(&mut buffer)? > 0 {
        if !nap.is_zero() {
            sleep(nap);
        }
    }
    Err(Failure::new("the server has ended the stream"))
}

/// A temporary slot and its stream, with the options of a feed. The server trusts everybody.
fn connect(arguments: &Arguments) -> Result<TcpStream, Failure> {
    let mut socket = TcpStream::connect(("127.0.0.1", arguments.port))?;
    let words = format!("user\0nudger\0database\0{}\0replication\0database\0\0", arguments.database);
    socket.write_all(
        &[&u32::try_from(words.len() + 8)?.to_be_bytes(), &[0, 3, 0, 0], words.as_bytes()].concat(),
    )?;
    wait_for(&mut socket, b'Z')?;
    let plugin = arguments.plugin.name();
    query(
        &mut socket,
        &format!("CREATE_REPLICATION_SLOT floor TEMPORARY LOGICAL {plugin} (SNAPSHOT 'nothing')"),
    )?;
    wait_for(&mut socket, b'Z')?;
    let options =
        options_of(arguments.plugin).into_iter().map(|(name, value)| format!("\"{name}\" '{value}'"));
    let options = options.collect::<Vec<_>>().join(", ");
    query(&mut socket, &format!("START_REPLICATION SLOT floor LOGICAL 0/0 ({options})"))?;
    wait_for(&mut socket, b'W')?;
    Ok(socket)
}

fn query(socket: &mut TcpStream, command: &str) -> Result<(), Failure> {
    let length = u32::try_from(command.len() + 5)?.to_be_bytes();
    Ok(socket.write_all(&[b"Q", &length[..], command.as_bytes(), b"\0"].concat())?)
}

/// Reads up to the message with that tag.
fn wait_for(socket: &mut TcpStream, wanted: u8) -> Result<(), Failure> {
    loop {
        match message(socket)? {
            tag if tag == wanted => return Ok(()),
            b'E' => return Err(Failure::new(format!("the server refuses, before {:?}", char::from(wanted)))),
            _ => {}
        }
    }
}
