//! The settings themselves, and how they come about.

use std::path::PathBuf;

use super::authentication::{ChannelBinding, RequireAuth};
use super::connect_timeout::ConnectTimeout;
use super::environment::Environment;
use super::error::SettingsError;
use super::given::Given;
use super::host::HostSpec;
use super::host_list;
use super::origin::Origin;
use super::passfile::{Login, Passfile};
use super::password::Password;
use super::require_peer::RequirePeer;
use super::server_choice::{LoadBalanceHosts, TargetSessionAttrs};
use super::tcp::TcpSettings;
use super::tls::TlsSettings;
use super::warning::Warning;

/// Where to connect, as whom, and how. Every value is checked; `Debug` shows no
/// password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The servers to try: at least one, at most [`MAX_HOSTS`](super::MAX_HOSTS).
    pub hosts: Vec<HostSpec>,
    /// In which order they are tried.
    pub load_balance_hosts: LoadBalanceHosts,
    /// Which kind of server will do.
    pub target_session_attrs: TargetSessionAttrs,
    /// The role to log in as.
    pub user: String,
    /// The database.
    pub database: String,
    /// Where the passwords came from, for a hint when the server refuses one.
    pub password_origin: Option<Origin>,
    /// Command-line options for the server process (`options`).
    pub options: Option<String>,
    /// How the connection shows up on the server; none sends no name.
    pub application_name: Option<String>,
    /// How long to wait for one host; none leaves it to the caller.
    pub connect_timeout: Option<ConnectTimeout>,
    /// Encryption.
    pub tls: TlsSettings,
    /// Whether the login must be bound to the TLS channel.
    pub channel_binding: ChannelBinding,
    /// Which ways of logging in are allowed.
    pub require_auth: RequireAuth,
    /// TCP's own timers.
    pub tcp: TcpSettings,
    /// Who must own the server process behind a Unix-domain socket.
    pub require_peer: Option<RequirePeer>,
}

/// Settings, and what the user should know about them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The settings.
    pub settings: Settings,
    /// To be logged.
    pub warnings: Vec<Warning>,
}

impl Settings {
    /// Resolves a connection text in its environment.
    ///
    /// The text is a URI, a key=value text, or empty; what it leaves open comes
    /// from the service file, the environment and the defaults, in this order. A
    /// password that is still missing comes from the password file.
    ///
    /// Files are read on each call. [`renew_passwords`](Self::renew_passwords) reads
    /// passwords alone again.
    ///
    /// # Errors
    /// [`SettingsError`], which is permanent.
    ///
    /// ```
    /// use pgnudge::settings::{Environment, ProcessFiles, Settings};
    ///
    /// let environment = Environment::bare(ProcessFiles).with_variable("PGPORT", "5433");
    /// let resolved = Settings::resolve("postgres://alice@db.example/app", &environment)?;
    /// assert_eq!(resolved.settings.hosts[0].to_string(), "db.example:5433");
    /// assert_eq!(resolved.settings.database, "app");
    /// # Ok::<(), pgnudge::settings::SettingsError>(())
    /// ```
    pub fn resolve(text: &str, environment: &Environment) -> Result<Resolved, SettingsError> {
        let given = Given::collect(text, environment)?;
        let hosts = host_list::parse(&given, environment)?;
        let os_user = environment.os_user();
        let user = given.text("user").or(os_user).ok_or(SettingsError::NoUser)?;
        let mut settings = Self {
            load_balance_hosts: LoadBalanceHosts::parse(&given)?,
            target_session_attrs: TargetSessionAttrs::parse(&given)?,
            user: user.to_owned(),
            database: given.text("dbname").unwrap_or(user).to_owned(),
            password_origin: None,
            options: given.text("options").map(str::to_owned),
            application_name: application_name(&given),
            connect_timeout: ConnectTimeout::parse(&given)?,
            tls: TlsSettings::parse(&given, &hosts, environment)?,
            channel_binding: ChannelBinding::parse(&given)?,
            require_auth: RequireAuth::parse(&given)?,
            tcp: TcpSettings::parse(&given)?,
            require_peer: RequirePeer::parse(&given, &hosts, environment)?,
            hosts,
        };
        let warnings = settings.add_passwords(&given, environment);
        Ok(Resolved { settings, warnings })
    }

    /// Looks the passwords up again, which service file and password file may have
    /// changed since: `text` and `environment` are those of [`resolve`](Self::resolve).
    /// Nothing else changes. Returns what is to be logged.
    ///
    /// # Errors
    /// What is wrong with the service file now.
    pub fn renew_passwords(
        &mut self,
        text: &str,
        environment: &Environment,
    ) -> Result<Vec<Warning>, SettingsError> {
        let given = Given::collect(text, environment)?;
        self.password_origin = None;
        self.hosts.iter_mut().for_each(|host| host.password = None);
        Ok(self.add_passwords(&given, environment))
    }

    /// Gives every host its password: the one that was given, or its own one from
    /// the password file.
    fn add_passwords(&mut self, given: &Given, environment: &Environment) -> Vec<Warning> {
        if let Some(value) = given.filled("password") {
            for host in &mut self.hosts {
                host.password = Password::new(value.text.as_str());
            }
            self.password_origin = Some(value.origin.clone());
            return Vec::new();
        }
        let named = given.text("passfile").map(PathBuf::from);
        let was_named = named.is_some();
        let Some(path) = named.or_else(|| environment.default_passfile()) else {
            return Vec::new();
        };
        match Passfile::open(path, was_named, environment) {
            Ok(Some(passfile)) => self.look_up_passwords(&passfile, environment),
            Ok(None) => Vec::new(),
            Err(warning) => vec![warning],
        }
    }

    fn look_up_passwords(&mut self, passfile: &Passfile, environment: &Environment) -> Vec<Warning> {
        let socket_directory = environment.default_socket_directory();
        let mut warnings = Vec::new();
        for host in &mut self.hosts {
            let found = passfile.password(&Login {
                host: &host.passfile_name(socket_directory),
                port: host.port,
                database: &self.database,
                user: &self.user,
            });
            match found {
                Ok(password) => host.password = password,
                Err(warning) => warnings.push(warning),
            }
        }
        if self.hosts.iter().any(|host| host.password.is_some()) {
            self.password_origin = Some(Origin::Passfile(passfile.path().to_owned()));
        }
        warnings.dedup();
        warnings
    }
}

/// The first name that was given, even if it is empty; ours if none was.
fn application_name(given: &Given) -> Option<String> {
    let fallback = || given.get("fallback_application_name");
    let value = given.get("application_name").or_else(fallback);
    let name = value.map_or("pgnudge", |value| &value.text);
    (!name.is_empty()).then(|| name.to_owned())
}
