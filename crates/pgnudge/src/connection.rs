//! Where a feed connects to, and as whom: what the program says about it.

use std::fmt;
use std::time::Duration;

use nudge_engine::{Knobs, PasswordCallback, Pem, Target, TlsIdentity};

use crate::settings::{ConnectTimeout, Environment, Resolved, Settings};
use crate::{Error, Printable, passwords, target};

/// A connection text, and what counts more than it.
#[derive(Clone, Default)]
pub(crate) struct Connection {
    text: String,
    settings: Vec<(String, String)>,
    pub(crate) password: Option<PasswordCallback>,
    roots: Option<Pem>,
    identity: Option<TlsIdentity>,
}

impl Connection {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn set(&mut self, keyword: &str, value: impl fmt::Display) {
        self.settings.push((keyword.to_owned(), value.to_string()));
    }

    /// The keyword makes `verify-full` the default, and less an error: who names authorities wants them to count.
    pub(crate) fn trust_only(&mut self, pem: Vec<u8>) {
        self.set("sslrootcert", "system");
        self.roots = Some(Pem::Bytes(pem.into()));
    }

    pub(crate) fn identify(&mut self, certificate: Vec<u8>, key: Vec<u8>) {
        let [certificate, key] = [certificate, key].map(|pem| Pem::Bytes(pem.into()));
        self.identity = Some(TlsIdentity { certificate, key, password: None });
    }

    /// # Errors
    /// What is wrong, found without a server.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.resolved(&self.environment()).map(drop)
    }

    /// What is dialled, and how long an attempt may take, if that is said.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub(crate) fn target(self) -> Result<(Target, Option<Duration>), Error> {
        let environment = self.environment();
        let Resolved { settings, warnings } = self.resolved(&environment)?;
        for warning in warnings {
            tracing::warn!("{}", Printable(warning));
        }
        let limit = settings.connect_timeout.map(|limit| match limit {
            ConnectTimeout::After(limit) => limit,
            ConnectTimeout::Unlimited => Knobs::LONGEST,
        });
        let password = self.password.or_else(|| passwords::from_files(&self.text, environment, &settings));
        let mut target = Target { password, ..target::from_settings(settings) };
        target.tls.roots = self.roots.or(target.tls.roots);
        target.tls.identity = self.identity.or(target.tls.identity);
        Ok((target, limit))
    }

    fn environment(&self) -> Environment {
        let process = Environment::of_process();
        self.settings.iter().fold(process, |all, (keyword, value)| all.with_setting(keyword, value))
    }

    fn resolved(&self, environment: &Environment) -> Result<Resolved, Error> {
        Settings::resolve(&self.text, environment).map_err(|error| {
            let hint = error.hint().unwrap_or("see docs/connecting.md for every setting");
            Error::config(error.to_string(), hint).with_source(error)
        })
    }
}
