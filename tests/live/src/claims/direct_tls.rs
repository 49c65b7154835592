//! TLS from the first byte on, which saves a round trip and passes where only TLS may.
//!
//! What the client says first is seen by a proxy between the two.
//!
//! It can fail: with an SSLRequest in front, the first byte is 0.

use std::net::Ipv4Addr;

use pgnudge::Feed;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::context::{connected, streaming};
use crate::evidence::{ensure, evidence};
use crate::{Claim, Context, Evidence, Failure, Need, Plugins};

pub(super) const CLAIM: Claim = Claim {
    name: "direct_tls",
    title: "direct TLS",
    claim: "With sslnegotiation=direct a feed begins with the TLS handshake and streams over TLS that is verified in \
            full (PostgreSQL 17 or later).",
    falsified_by: "another first byte than a ClientHello's, or a session without TLS",
    proves: &["law 2"],
    plugins: Plugins::Auto,
    needs: &[Need::Certificate, Need::Major(17)],
    run: |context| Box::pin(direct_tls(context)),
};

async fn direct_tls(context: Context) -> Result<Evidence, Failure> {
    let roots = context.server.cluster()?.certificate()?.display().to_string();
    let full = format!("sslmode=verify-full sslrootcert='{roots}' channel_binding=require");
    let mut first_bytes = Vec::new();
    for negotiation in ["postgres", "direct"] {
        let (port, first_byte) = proxy(context.server.cluster()?.port()).await?;
        let text = context.text(&format!("{full} sslnegotiation={negotiation} port={port}"))?;
        let mut feed = connected(Feed::builder(text)).await?;
        context.tally(&mut feed).await?;
        let tls = format!("SELECT ssl FROM pg_stat_ssl WHERE pid = {}", streaming(&feed)?.1);
        let tls = context.scratch.query_one_text(&tls).await?;
        ensure!(tls == "t", "sslnegotiation={negotiation} streams without TLS");
        first_bytes.push(first_byte.await?);
    }
    ensure!(first_bytes == [0, HANDSHAKE], "the first bytes are {first_bytes:?}");
    evidence!("the first byte is {HANDSHAKE:#04x}, of an SSLRequest it is 0; verified in full, and bound")
}

/// Passes connections on to that port. Tells the first byte of the first one.
async fn proxy(to: u16) -> Result<(u16, oneshot::Receiver<u8>), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let mut tell = Some(tell);
        while let Ok((mut client, _)) = listener.accept().await {
            let mut first = [0];
            if client.peek(&mut first).await.is_ok()
                && let Some(tell) = tell.take()
            {
                // Nobody waits for it any more if the claim has failed.
                let _ = tell.send(first[0]);
            }
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await {
                    // However it ends, both sides see it.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    Ok((port, told))
}

/// The type of the TLS record that a ClientHello is in.
const HANDSHAKE: u8 = 0x16;
