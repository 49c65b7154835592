//! A walsender that sends a stream as fast as the socket takes it.

use std::sync::Arc;

use pgnudge_testkit::{Opening, Walsender, frames};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::TlsAcceptor;

use crate::failure::Failure;
use crate::stream::Stream;

/// What every connection that asks for a stream gets.
pub(crate) struct Script {
    pub(crate) stream: Stream,
    pub(crate) reader: Reader,
    /// Every connection has to be one of TLS.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// Who reads.
#[derive(Debug)]
pub(crate) enum Reader {
    /// Reads to the end of the stream.
    ToTheEnd,
    /// A feed: it counts, and would connect again after an end. The stream begins when it connects here,
    /// for its first item stands for everything that came before that was taken.
    Feed { gate: TcpListener },
}

/// What comes of a client that is served meanwhile. If it leaves a connection it has its reasons: what it
/// counted is its own to judge.
pub(crate) async fn serving<T>(
    listener: &TcpListener,
    script: Script,
    client: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let script = Arc::new(script);
    let serve = async {
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(converse(socket, Arc::clone(&script)));
        }
    };
    tokio::select! {
        outcome = client => outcome,
        failed = serve => failed,
    }
}

async fn converse(socket: TcpStream, script: Arc<Script>) -> Result<(), Failure> {
    let Some(acceptor) = &script.tls else { return replay(Walsender::new(socket), &script).await };
    let mut walsender = Walsender::new(socket);
    if walsender.next_opening().await? != Opening::Ssl {
        return Err(Failure::new("a client without TLS"));
    }
    walsender.send(b"S").await?;
    let socket = acceptor.accept(walsender.into_inner()).await?;
    replay(Walsender::new(socket), &script).await
}

/// Answers whatever is asked until the stream is, and then sends it.
async fn replay<S>(walsender: Walsender<S>, script: &Script) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut walsender = walsender.answering_feeds();
    walsender.stream_from(Stream::START).await?;
    let (mut reader, mut writer) = tokio::io::split(walsender.into_inner());
    let mut stream = script.stream.clone();
    let sending = async {
        if let Reader::Feed { gate } = &script.reader {
            gate.accept().await?;
        }
        for repetition in 0..stream.repetitions() {
            writer.write_all(stream.block(repetition)).await?;
        }
        if let Reader::ToTheEnd = script.reader {
            writer.write_all(&[frames::copy_done(), frames::command_complete("COPY 0")].concat()).await?;
            writer.shutdown().await?;
        }
        writer.flush().await
    };
    // What the client says upstream is taken off its hands.
    let mut heard = vec![0; 64 * 1024];
    let hearing = async {
        while reader.read(&mut heard).await? > 0 {}
        Ok(())
    };
    tokio::try_join!(sending, hearing)?;
    Ok(())
}
