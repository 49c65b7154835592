//! What it takes to reach a server, in the abstract: the ways there, and a connection by one of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use nudge_proto::{Secret, Security};

use crate::Error;
use crate::policy::Platform;
use crate::runtime::Socket;

/// Finds the routes for one attempt. The feed of a program uses
/// [`TargetDialer`](crate::runtime::TargetDialer); a test hands in its own.
pub trait Dial: Send + Sync + 'static {
    /// The routes in the order in which they are tried, those to one host side by side. Not empty. Each
    /// attempt asks for them again, since names and addresses change.
    ///
    /// To look a host up may take `limit`. One that cannot be looked up is a route that cannot be opened.
    ///
    /// # Errors
    /// There is no host.
    fn routes(&self, limit: Duration) -> BoxFuture<'_, Result<Vec<Arc<dyn Route>>, Error>>;
}

/// One way to one server. It can be taken several times: a CancelRequest needs a connection of its own.
pub trait Route: Send + Sync {
    /// Opens a connection up to the point where the startup message goes out.
    fn open(&self) -> BoxFuture<'_, Result<Connected, Error>>;

    /// Host, address and manner, for errors and the log.
    fn name(&self) -> String;

    /// The host as the settings name it: the same for each of its addresses.
    fn host(&self) -> String {
        self.name()
    }

    /// Who runs the server, as far as its name tells.
    fn platform(&self) -> Platform {
        Platform::Unknown
    }

    /// Whether this is another manner of reaching the address of the route before, such as without
    /// TLS. It is not worth trying when the server has let the first one in.
    fn is_alternative(&self) -> bool {
        false
    }
}

/// A connection that is ready for the startup message.
pub struct Connected {
    /// The socket.
    pub socket: Socket,
    /// How its bytes travel.
    pub security: Security,
    /// The password for this host.
    pub password: Option<Secret>,
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").field("security", &self.security).finish_non_exhaustive()
    }
}
