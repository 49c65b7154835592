//! How many connections there may be: as many as the limit of open files leaves when the feed has its own.

use crate::failure::Failure;

/// Bounds that hold for all clients together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Connections of all kinds.
    pub(super) connections: usize,
    /// Event streams among them.
    pub(super) streams: usize,
}

impl Limits {
    /// What this process may have, with at most so many event streams.
    ///
    /// # Errors
    /// A limit of open files that leaves room for next to nothing.
    pub(super) fn of_process(streams: usize) -> Result<Self, Failure> {
        let files = open_files();
        let limits = Self::new(files, streams).ok_or_else(|| {
            let least = OWN + LEAST;
            Failure::because(
                format!("{files} open files are too few to serve HTTP: it takes {least}"),
                REMEDY,
            )
        })?;
        if limits.streams < streams {
            tracing::warn!(
                event_streams = limits.streams,
                wanted = streams,
                open_files = files,
                "the limit of open files leaves room for fewer event streams: {REMEDY}"
            );
        }
        Ok(limits)
    }

    fn new(files: usize, streams: usize) -> Option<Self> {
        let room = files.checked_sub(OWN).filter(|room| *room >= LEAST)?;
        let beside = (room / 4).min(BESIDE);
        let streams = streams.min(room - beside);
        Some(Self { connections: streams + beside, streams })
    }
}

/// The limit of open files, raised as far as the process may.
#[cfg(unix)]
fn open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where the system refuses (macOS has a lower bound of its own) the limit stays what it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let current = getrlimit(Resource::Nofile).current;
    current.and_then(|files| files.try_into().ok()).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn open_files() -> usize {
    usize::MAX
}

/// Files of the process itself: standard streams, the runtime, the sockets of the feed, its second session, the
/// NOTIFY session and the lock, each twice while one takes the other's place, and what look-ups and TLS read.
const OWN: usize = 48;
/// Fewer connections serve nobody.
const LEAST: usize = 16;
/// Connections that no event stream can take: for metrics, probes, the page.
const BESIDE: usize = 128;
/// What to do about it.
pub(super) const REMEDY: &str = "raise it with ulimit -n, or LimitNOFILE= in the unit of systemd";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_keeps_its_files_and_probes_their_connections() {
        let check = |files, wanted, connections, streams| {
            assert_eq!(Limits::new(files, wanted), Some(Limits { connections, streams }), "{files} {wanted}");
        };
        check(96, 20_000, 48, 36);
        check(1024, 20_000, 976, 848);
        check(524_288, 20_000, 20_128, 20_000);
        check(usize::MAX, usize::MAX, usize::MAX - OWN, usize::MAX - OWN - BESIDE);
        check(1024, 2, 130, 2);
        check(OWN + LEAST, 100, 16, 12);
        assert_eq!(Limits::new(OWN + LEAST - 1, 1), None);
        for files in (OWN + LEAST)..2_000 {
            let limits = Limits::new(files, 20_000).unwrap();
            assert!(limits.connections + OWN <= files && limits.streams < limits.connections, "{files}");
        }
    }
}
