//! One connection through the proxy: two directions that obey the weather.

use std::future::pending;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use crate::consistency::proxy::{Manner, Weather};

/// One connection, until one side ends it or the weather does. A clean end passes on as one, so that
/// what was written before arrives; everything else is a reset.
pub(crate) async fn link(mut client: TcpStream, mut server: TcpStream, forecast: watch::Receiver<Weather>) {
    let begin = *forecast.borrow();
    let ended = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let up = Pump { forecast: forecast.clone(), begin, cuts: false };
        let down = Pump { forecast: forecast.clone(), begin, cuts: true };
        tokio::select! {
            ended = up.run(from_client, to_server) => ended,
            ended = down.run(from_server, to_client) => ended,
            () = reset(forecast, begin) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    };
    if ended.is_err() {
        abort(&client);
        abort(&server);
    }
}

/// One direction of a connection.
struct Pump {
    forecast: watch::Receiver<Weather>,
    /// The weather when the connection was made.
    begin: Weather,
    /// Whether cuts are its business.
    cuts: bool,
}

impl Pump {
    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let weather = *self.forecast.borrow_and_update();
            if weather.freezes > self.begin.freezes {
                return pending().await;
            }
            tokio::select! {
                changed = self.forecast.changed() => changed.map_err(|_| io::ErrorKind::ConnectionReset)?,
                read = from.read(&mut buffer), if weather.manner != Manner::Stalled => {
                    let bytes = &buffer[..read?];
                    if bytes.is_empty() {
                        return Ok(());
                    }
                    if self.cuts && weather.cuts > self.begin.cuts {
                        // What a walsender sends at once ends where a frame does: half of it does not.
                        return to.write_all(&bytes[..bytes.len() / 2]).await;
                    }
                    self.write(bytes, &mut to, weather.manner).await?;
                }
            }
        }
    }

    async fn write(&self, bytes: &[u8], to: &mut WriteHalf<'_>, manner: Manner) -> io::Result<()> {
        match manner {
            Manner::Late(delay) => tokio::time::sleep(delay).await,
            Manner::OneByOne => {
                let mut rest = bytes;
                while let ([first, others @ ..], false) = (rest, self.forecast.has_changed().unwrap_or(true))
                {
                    to.write_all(&[*first]).await?;
                    rest = others;
                }
                return to.write_all(rest).await;
            }
            Manner::AtOnce | Manner::Stalled | Manner::Refused => {}
        }
        to.write_all(bytes).await
    }
}

/// Until the connections of that time are reset.
async fn reset(mut forecast: watch::Receiver<Weather>, begin: Weather) {
    // A proxy that is gone has no weather: then the links end with it.
    forecast.wait_for(|weather| weather.resets > begin.resets).await.ok();
}

/// Has the socket send RST when it is dropped.
pub(crate) fn abort(socket: &TcpStream) {
    // One that is closed already cannot, and need not.
    socket.set_zero_linger().ok();
}
