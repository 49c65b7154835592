//! A TCP proxy between the feed and its server that can break what passes through it.
//!
//! It does not look into what passes: TLS goes through untouched. Each direction of a connection obeys
//! the [`Weather`] (see the module `link`); what is to happen to the connections that exist by then is
//! counted, so that one made later is not hit by it.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Failure;
use crate::consistency::link::{abort, link};

/// A running proxy. It and its connections end when this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    weather: watch::Sender<Weather>,
    _tasks: JoinSet<()>,
}

/// What the connections have to expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    pub(crate) manner: Manner,
    /// How often all connections were reset, were left half open, were so if they were idle, were cut.
    pub(crate) resets: u32,
    pub(crate) freezes: u32,
    pub(crate) forgets: u32,
    pub(crate) cuts: u32,
}

/// How bytes pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    #[default]
    AtOnce,
    OneByOne,
    /// Each read so much later.
    Late(Duration),
    /// What the server says within each such time, in one piece.
    InLumps(Duration),
    /// Not at all.
    Stalled,
    /// New connections are reset.
    Refused,
}

impl Proxy {
    /// Between a free port and this one, both on 127.0.0.1.
    pub(crate) async fn start(server: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (weather, forecast) = watch::channel(Weather::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server, forecast));
        Ok(Self { port, weather, _tasks: tasks })
    }

    /// Where to connect to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on bytes pass like this.
    pub(crate) fn pass(&self, manner: Manner) {
        self.weather.send_modify(|weather| weather.manner = manner);
    }

    /// Resets what is connected.
    pub(crate) fn reset(&self) {
        self.weather.send_modify(|weather| weather.resets += 1);
    }

    /// What is connected falls silent for good.
    pub(crate) fn freeze(&self) {
        self.weather.send_modify(|weather| weather.freezes += 1);
    }

    /// What is connected and idle falls silent for good.
    pub(crate) fn forget(&self) {
        self.weather.send_modify(|weather| weather.forgets += 1);
    }

    /// What is connected ends in the middle of what the server says next.
    pub(crate) fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }
}

async fn accept(listener: TcpListener, server: u16, forecast: watch::Receiver<Weather>) {
    let mut links = JoinSet::new();
    // A listener on 127.0.0.1 fails when files run out: then the feed sees a server that is gone.
    while let Ok((client, _)) = listener.accept().await {
        let refused = forecast.borrow().manner == Manner::Refused;
        match TcpStream::connect(("127.0.0.1", server)).await {
            Ok(server) if !refused => {
                links.spawn(link(client, server, forecast.clone()));
            }
            _ => abort(&client),
        }
        while links.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A proxy before an echo.
    async fn echo() -> (Proxy, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = socket.split();
                    tokio::io::copy(&mut from, &mut to).await.ok();
                });
            }
        });
        let proxy = Proxy::start(port).await.unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        assert_eq!(said(&mut client, b"hello").await.unwrap(), b"hello");
        (proxy, client)
    }

    async fn said(client: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
        client.write_all(text).await?;
        let mut answer = vec![0; text.len()];
        client.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn bytes_pass_in_every_manner() {
        let (proxy, mut client) = echo().await;
        let millisecond = Duration::from_millis(1);
        for manner in
            [Manner::OneByOne, Manner::Late(millisecond), Manner::InLumps(millisecond), Manner::AtOnce]
        {
            proxy.pass(manner);
            assert_eq!(said(&mut client, b"again").await.unwrap(), b"again", "{manner:?}");
        }
    }

    #[tokio::test]
    async fn what_is_stalled_arrives_later() {
        let (proxy, mut client) = echo().await;
        proxy.pass(Manner::Stalled);
        client.write_all(b"later").await.unwrap();
        let mut answer = [0; 5];
        tokio::select! {
            biased;
            _ = client.read(&mut answer) => panic!("it passed"),
            () = async { proxy.pass(Manner::Stalled); tokio::task::yield_now().await } => proxy.pass(Manner::AtOnce),
        }
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"later");
    }

    #[tokio::test]
    async fn a_reset_is_one_and_hits_no_later_connection() {
        let (proxy, mut client) = echo().await;
        proxy.reset();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        let mut later = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        assert_eq!(said(&mut later, b"fine").await.unwrap(), b"fine");
    }

    #[tokio::test]
    async fn what_is_said_within_a_while_arrives_in_one_piece() {
        let (proxy, mut client) = echo().await;
        proxy.pass(Manner::InLumps(Duration::from_millis(50)));
        for _ in 0..3 {
            client.write_all(b"four").await.unwrap();
            client.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = [0; 64];
        assert!(client.read(&mut answer).await.unwrap() > 4);
    }

    #[tokio::test]
    async fn the_idle_are_forgotten_and_no_later_connection_is() {
        let (proxy, mut client) = echo().await;
        tokio::time::sleep(crate::consistency::link::IDLE).await;
        proxy.forget();
        client.write_all(b"idle").await.unwrap();
        let silence = tokio::time::timeout(Duration::from_millis(200), client.read(&mut [0; 4])).await;
        assert!(silence.is_err(), "{silence:?}");
        let mut later = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        assert_eq!(said(&mut later, b"fine").await.unwrap(), b"fine");
    }

    #[tokio::test]
    async fn a_cut_ends_in_the_middle() {
        let (proxy, mut client) = echo().await;
        proxy.cut();
        client.write_all(b"12345678").await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"1234");
    }
}
