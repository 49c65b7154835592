//! Somebody in between, before there is TLS, who stuffs bytes behind the reply to SSLRequest, or cuts
//! the handshake off.
//!
//! Stuffed bytes are never taken for the server's words inside of TLS (CVE-2021-23222 in libpq). A
//! handshake that is cut off is a failure of the network.
//!
//! Over real TCP, because the routes of a program are what is tested; so the clock is real, and nothing
//! waits for it.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use nudge_engine::runtime::{self, Feed, Status, TargetDialer};
use nudge_engine::{Error, ErrorKind, Host, Pem, Place, Target, Tls, TlsUsage};
use pgnudge_scripted::{knobs, target};
use pgnudge_testkit::frames;
use pgnudge_testkit::{Opening, Walsender};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Somebody in between.
struct Interceptor(TcpListener);

impl Interceptor {
    async fn new() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap())
    }

    fn lure(&self, usage: TlsUsage) -> JoinHandle<Result<Feed, Error>> {
        self.lure_with(Tls { usage, ..Tls::default() })
    }

    fn lure_with(&self, tls: Tls) -> JoinHandle<Result<Feed, Error>> {
        let port = self.0.local_addr().unwrap().port();
        let place = Place::Address { address: IpAddr::V4(Ipv4Addr::LOCALHOST), name: None };
        let host = Host { place, port, password: Some("secret".into()) };
        let target = Target { hosts: vec![host], tls, ..target() };
        let (status, _) = watch::channel(Status::Connecting { attempt: 0 });
        let dial = Arc::new(TargetDialer::new(target.clone()));
        tokio::spawn(async move { runtime::connect(&target, dial, knobs(), status).await })
    }

    async fn accept(&self) -> Walsender<TcpStream> {
        Walsender::new(self.0.accept().await.unwrap().0)
    }

    /// Hears the client's first words inside of TLS, and ends without a word.
    async fn cut_off(&self, tls: &Tls) {
        let mut connection = self.0.accept().await.unwrap().0;
        if !tls.direct {
            connection.read_exact(&mut [0; 8]).await.unwrap();
            connection.write_all(b"S").await.unwrap();
        }
        // What is left unread would make the end a reset.
        assert!(connection.read(&mut [0; 4096]).await.unwrap() > 0);
    }

    /// Agrees to TLS, and stuffs behind it what would let the client in if it believed it.
    async fn stuff(&self) -> Walsender<TcpStream> {
        let mut connection = self.accept().await;
        assert_eq!(connection.next_opening().await.unwrap(), Opening::Ssl);
        let stuffed = [
            b"S".to_vec(),
            frames::authentication_ok(),
            frames::backend_key_data(1, 2),
            frames::ready_for_query(),
        ];
        connection.send(&stuffed.concat()).await.unwrap();
        connection
    }
}

#[tokio::test]
async fn where_tls_is_required_there_is_no_connection() {
    let interceptor = Interceptor::new().await;
    let connecting = interceptor.lure(TlsUsage::Require);
    let _connection = interceptor.stuff().await;
    let error = connecting.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.is_permanent()), (ErrorKind::Tls, true), "{error}");
}

#[tokio::test]
async fn where_tls_is_preferred_the_next_connection_begins_anew() {
    let interceptor = Interceptor::new().await;
    let _connecting = interceptor.lure(TlsUsage::Prefer);
    let _connection = interceptor.stuff().await;
    let startup = interceptor.accept().await.next_opening().await.unwrap();
    assert_eq!(startup.parameter("user"), Some("nudger"), "{startup:?}");
}

#[tokio::test]
async fn a_handshake_that_is_cut_off_is_tried_again() {
    let (interceptor, tls) = (Interceptor::new().await, Tls { usage: TlsUsage::Require, ..Tls::default() });
    let connecting = interceptor.lure_with(tls.clone());
    let third = async {
        for _ in 0..2 {
            interceptor.cut_off(&tls).await;
        }
        interceptor.accept().await.next_opening().await.unwrap()
    };
    tokio::select! {
        opening = third => assert_eq!(opening, Opening::Ssl),
        ended = connecting => panic!("{ended:?}"),
    }
}

/// A server before 17 does that to direct TLS, each time.
#[tokio::test]
async fn an_end_without_a_word_to_direct_tls_is_permanent() {
    let tls = Tls { usage: TlsUsage::Require, direct: true, ..Tls::default() };
    let interceptor = Interceptor::new().await;
    let connecting = interceptor.lure_with(tls.clone());
    interceptor.cut_off(&tls).await;
    let error = connecting.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.is_permanent()), (ErrorKind::Tls, true), "{error}");
}

/// As with libpq. Making use of them costs milliseconds, for nothing.
#[tokio::test]
async fn certificates_are_not_looked_at_for_a_server_without_tls() {
    let (server, roots) = (Interceptor::new().await, Some(Pem::File("/nowhere/root.crt".into())));
    let _connecting = server.lure_with(Tls { roots, ..Tls::default() });
    let mut connection = server.accept().await;
    assert_eq!(connection.next_opening().await.unwrap(), Opening::Ssl);
    connection.send(b"N").await.unwrap();
    let startup = connection.next_opening().await.unwrap();
    assert_eq!(startup.parameter("user"), Some("nudger"), "{startup:?}");
}
