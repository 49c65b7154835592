//! Passwords out of files, read again whenever a connection is opened: they are rotated.
//!
//! Only the passwords: where the server is, and as whom to log in, stays what it was when the settings
//! were resolved. A file is to a later connection what it is to psql at that moment. A missing password
//! file has no password; a service file that is missing or broken is an error, and tried again.

use std::sync::{Arc, Mutex, PoisonError};

use nudge_engine::{Host, PasswordCallback, PasswordError, Secret};
use tokio::task::spawn_blocking;

use crate::settings::{Environment, Origin, Settings, Warning};
use crate::target;

/// The passwords of these settings, as their files have them. `None`: they do not come from a file.
pub(crate) fn from_files(
    connection: &str,
    environment: Environment,
    settings: &Settings,
) -> Option<PasswordCallback> {
    if let Some(Origin::Program | Origin::Text | Origin::Variable(_)) = settings.password_origin {
        return None;
    }
    let (settings, warned) = (settings.clone(), Mutex::default());
    let files = Arc::new(Files { connection: connection.to_owned(), environment, settings, warned });
    Some(Arc::new(move |host| {
        let (files, host) = (Arc::clone(&files), host.clone());
        // A file may be on a disk that takes its time.
        Box::pin(async move { spawn_blocking(move || files.password(&host)).await? })
    }))
}

struct Files {
    connection: String,
    environment: Environment,
    settings: Settings,
    /// What was wrong the last time: it is logged once, not at each attempt.
    warned: Mutex<Vec<Warning>>,
}

impl Files {
    fn password(&self, host: &Host) -> Result<Option<Secret>, PasswordError> {
        let mut settings = self.settings.clone();
        self.warn(settings.renew_passwords(&self.connection, &self.environment)?);
        // Hosts of the same place and port have the same password.
        let same = |other: &Host| other.place == host.place && other.port == host.port;
        Ok(settings.hosts.iter().map(target::host).find(same).and_then(|host| host.password))
    }

    fn warn(&self, warnings: Vec<Warning>) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings.iter().filter(|warning| !warned.contains(warning)) {
            tracing::warn!("{warning}");
        }
        *warned = warnings;
    }
}
