//! Telling the server that a slot is not wanted any more (manual, "Canceling Requests in Progress").

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nudge_proto::BackendKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::runtime::Route;

/// The means to stop a slot creation that is under way, reachable from outside of the task that waits.
#[derive(Clone, Default)]
pub(crate) struct Cancellation(Arc<Mutex<Option<Armed>>>);

struct Armed {
    route: Arc<dyn Route>,
    key: BackendKey,
}

impl Cancellation {
    pub(crate) fn arm(&self, route: &Arc<dyn Route>, key: &BackendKey) {
        *self.lock() = Some(Armed { route: Arc::clone(route), key: key.clone() });
    }

    pub(crate) fn disarm(&self) {
        *self.lock() = None;
    }

    /// Sends a CancelRequest if a slot creation is under way. It is a kindness to the server, which
    /// gives up by itself after `lock_timeout`: so failing is no error, and it does not take long.
    pub(crate) async fn fire(&self) {
        let Some(Armed { route, key }) = self.lock().take() else { return };
        let cancel = async {
            let Ok(mut connected) = route.open().await else { return };
            let mut request = Vec::new();
            key.cancel_request(&mut request);
            if connected.socket.write_all(&request).await.is_ok() && connected.socket.flush().await.is_ok() {
                // The server closes the connection once it has passed the request on.
                let _ = connected.socket.read(&mut [0]).await;
            }
        };
        let _ = timeout(Self::LONGEST, cancel).await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const LONGEST: Duration = Duration::from_secs(2);
}
