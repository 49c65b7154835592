//! Bytes behind the reply to SSLRequest, put there by somebody in between before there was TLS: they
//! are never taken for the server's words inside of it (CVE-2021-23222 in libpq).
//!
//! Over real TCP, because the routes of a program are what is tested; so the clock is real, and nothing
//! waits for it.

#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use nudge_engine::runtime::{self, Feed, Status, TargetDialer};
use nudge_engine::{Error, ErrorKind, Host, Place, Target, Tls, TlsUsage};
use pgnudge_scripted::{knobs, target};
use pgnudge_testkit::frames;
use pgnudge_testkit::{Opening, Walsender};
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
        let port = self.0.local_addr().unwrap().port();
        let place = Place::Address { address: IpAddr::V4(Ipv4Addr::LOCALHOST), name: None };
        let host = Host { place, port, password: Some("secret".into()) };
        let target = Target { hosts: vec![host], tls: Tls { usage, ..Tls::default() }, ..target() };
        let (status, _) = watch::channel(Status::Connecting { attempt: 0 });
        let dial = Arc::new(TargetDialer::new(target.clone()));
        tokio::spawn(async move { runtime::connect(&target, dial, knobs(), status).await })
    }

    async fn accept(&self) -> Walsender<TcpStream> {
        Walsender::new(self.0.accept().await.unwrap().0)
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
