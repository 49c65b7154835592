//! A free TCP port for a server that may be stopped and started again.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;

use crate::error::Error;

/// A port that nobody listens on right now.
///
/// It is below the ports that a system gives to outgoing connections (32768 on Linux, 49152
/// elsewhere). From among those, another program could take it while the server is stopped, and
/// a client that keeps trying to reach the stopped server could even connect to itself.
///
/// # Errors
/// When a hundred ports are taken.
pub(crate) fn free() -> Result<u16, Error> {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (0..100).map(|_| random()).find(free);
    port.ok_or_else(|| Error::new("no free TCP port on 127.0.0.1 between 20000 and 32000"))
}

/// The hasher of a `HashMap` is the only randomness in std; this needs no better.
fn random() -> u16 {
    let number = RandomState::new().hash_one(0) % 12_000;
    20_000 + u16::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_not_offered() {
        let port = free().expect("a port");
        assert!((20_000..32_000).contains(&port));
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("it is free");
        let others: Vec<u16> = (0..50).map(|_| free().expect("a port")).collect();
        assert!(!others.contains(&port));
        drop(listener);
    }
}
