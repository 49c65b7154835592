//! One connection through the proxy: two directions that obey the weather.

use std::future::pending;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use crate::consistency::proxy::{Manner, Weather};

/// One connection, until one side ends it or the weather does. A clean end passes on as one, so that
/// what was written before arrives; everything else is a reset.
pub(crate) async fn link(mut client: TcpStream, mut server: TcpStream, forecast: watch::Receiver<Weather>) {
    let begin = *forecast.borrow();
    let ended = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let passed = &Mutex::new(Instant::now());
        let up = Pump { forecast: forecast.clone(), begin, passed, from_server: false };
        let down = Pump { forecast: forecast.clone(), begin, passed, from_server: true };
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
struct Pump<'a> {
    forecast: watch::Receiver<Weather>,
    /// The weather when the connection was made.
    begin: Weather,
    /// When something passed last, in either direction.
    passed: &'a Mutex<Instant>,
    /// Whether cuts and lumps are its business.
    from_server: bool,
}

impl Pump<'_> {
    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let weather = *self.forecast.borrow_and_update();
            if weather.freezes > self.begin.freezes || self.is_forgotten(weather) {
                return pending().await;
            }
            tokio::select! {
                changed = self.forecast.changed() => changed.map_err(|_| io::ErrorKind::ConnectionReset)?,
                read = from.read(&mut buffer), if weather.manner != Manner::Stalled => {
                    let mut length = read?;
                    if length == 0 {
                        return Ok(());
                    }
                    *self.passed() = Instant::now();
                    if let (Manner::InLumps(time), true) = (weather.manner, self.from_server) {
                        tokio::time::sleep(time).await;
                        length += more(&from, &mut buffer[length..]);
                    }
                    let bytes = &buffer[..length];
                    if self.from_server && weather.cuts > self.begin.cuts {
                        // What a walsender sends at once ends where a frame does: half of it does not.
                        return to.write_all(&bytes[..bytes.len() / 2]).await;
                    }
                    self.write(bytes, &mut to, weather.manner).await?;
                }
            }
        }
    }

    /// Whether it was idle when connections were forgotten that were. What has once fallen silent stays so.
    fn is_forgotten(&mut self, weather: Weather) -> bool {
        let forgotten = weather.forgets > self.begin.forgets && self.passed().elapsed() >= IDLE;
        if !forgotten {
            self.begin.forgets = weather.forgets;
        }
        forgotten
    }

    fn passed(&self) -> MutexGuard<'_, Instant> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
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
            Manner::AtOnce | Manner::InLumps(_) | Manner::Stalled | Manner::Refused => {}
        }
        to.write_all(bytes).await
    }
}

/// What else there is by now.
fn more(from: &ReadHalf<'_>, buffer: &mut [u8]) -> usize {
    from.try_read(buffer).unwrap_or(0)
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

/// A middle box of the checker forgets a connection soon.
pub(crate) const IDLE: Duration = Duration::from_millis(30);
