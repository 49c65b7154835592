//! What the server says about itself, and what that means for a feed.

use pgnudge::{Error, ErrorKind, Platform, Session};

use super::check::Check;

/// Settings of the server and privileges of the role.
#[derive(Debug)]
pub(super) struct Server {
    version: String,
    platform: Platform,
    wal_level: String,
    /// What `wal_level` amounts to while a slot exists; only servers that can change it tell.
    effective_wal_level: Option<String>,
    may_replicate: bool,
    role: String,
    address: Option<String>,
    wal_sender_timeout: String,
    backend_pid: String,
    synchronous_standby_names: String,
    standby: bool,
    /// Only those who may read all settings see it.
    pub(super) output_plugin_libraries: Option<String>,
    pub(super) max_slots: u64,
    pub(super) max_senders: u64,
}

impl Server {
    pub(super) async fn ask(session: &mut Session) -> Result<Self, Error> {
        let rows = session.query_catalog(QUESTION).await?;
        let mut row = rows.into_iter().next().unwrap_or_default().into_iter();
        let mut next = || row.next().flatten();
        let (wal_level, effective_wal_level) = (next().unwrap_or_default(), next());
        let may_replicate = next().is_some_and(|truth| truth == "t");
        let (role, address) = (next().unwrap_or_default(), next());
        let (wal_sender_timeout, backend_pid) = (next().unwrap_or_default(), next().unwrap_or_default());
        let synchronous_standby_names = next().unwrap_or_default();
        let output_plugin_libraries = next();
        let mut number = || next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let (max_slots, max_senders) = (number(), number());
        let by_setting = next().map_or(Platform::Unknown, |setting| Platform::of_setting(&setting));
        let platform = if session.platform() == Platform::Unknown { by_setting } else { session.platform() };
        Ok(Self {
            version: session.parameter("server_version").unwrap_or_default().to_owned(),
            standby: session.parameter("in_hot_standby") == Some("on"),
            platform,
            wal_level,
            effective_wal_level,
            may_replicate,
            role,
            address,
            wal_sender_timeout,
            backend_pid,
            synchronous_standby_names,
            output_plugin_libraries,
            max_slots,
            max_senders,
        })
    }

    /// The number before the point: `17` of `17.11 (Debian …)`, `19` of `19rc1`.
    pub(super) fn major(&self) -> u32 {
        let digits: String = self.version.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    }

    pub(super) fn is_standby(&self) -> bool {
        self.standby
    }

    /// The role, quoted as SQL wants it.
    pub(super) fn role(&self) -> &str {
        &self.role
    }

    /// Our address as the server sees it, if it is not a Unix-domain socket.
    pub(super) fn client_address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// What the service calls the remedy; or what to do on a server of one's own, or else that.
    pub(super) fn remedy(&self, kind: ErrorKind, otherwise: String) -> String {
        match (self.platform.remedy(kind), kind) {
            (Some(remedy), kind) if kind != ErrorKind::Privilege || !self.may_replicate => {
                remedy.replace("...", &self.role)
            }
            (None, ErrorKind::WalLevel) => {
                "ALTER SYSTEM SET wal_level = 'logical';  -- then restart the server".into()
            }
            (None, ErrorKind::Privilege) if !self.may_replicate => {
                format!("ALTER ROLE {} REPLICATION;", self.role)
            }
            _ => otherwise,
        }
    }

    pub(super) fn version(&self) -> Check {
        match self.major() {
            0..15 => Check::bad("version", &self.version, "upgrade to PostgreSQL 15 or later"),
            _ => Check::good("version", &self.version),
        }
    }

    pub(super) fn platform(&self) -> Check {
        Check::good("platform", self.platform.to_string())
    }

    pub(super) fn wal_level(&self) -> Check {
        let Self { wal_level, effective_wal_level, .. } = self;
        let raised = effective_wal_level.is_some() && wal_level == "replica";
        let detail = match effective_wal_level {
            Some(effective) if raised => {
                format!("{wal_level} (effective {effective}): raised by the first slot")
            }
            _ => wal_level.clone(),
        };
        if wal_level == "logical" || raised {
            return Check::good("wal_level", detail);
        }
        let detail = format!("{detail}, and a feed needs logical");
        Check::bad("wal_level", detail, self.remedy(ErrorKind::WalLevel, String::new()))
    }

    pub(super) fn replication(&self) -> Check {
        if self.may_replicate {
            return Check::good("replication", format!("{} may replicate", self.role));
        }
        let detail = format!("{} may not replicate", self.role);
        Check::bad("replication", detail, self.remedy(ErrorKind::Privilege, String::new()))
    }

    pub(super) fn standby(&self) -> Check {
        match (self.standby, self.major()) {
            (false, _) => Check::good("standby", "no, a primary"),
            (true, 0..16) => {
                let detail = "a standby, which cannot decode before PostgreSQL 16";
                Check::bad(
                    "standby",
                    detail,
                    "connect to the primary: name all hosts, and target_session_attrs=primary",
                )
            }
            (true, _) => {
                let detail =
                    "a standby; a slot is made when its primary next tells which transactions are running";
                Check::good("standby", detail)
            }
        }
    }

    /// A feed never raises it, and has at most 30 s in its own session.
    pub(super) fn wal_sender_timeout(&self) -> Check {
        let detail = match self.wal_sender_timeout.as_str() {
            "0" => "off; a feed sets 30 s for its own session".to_owned(),
            ms => format!(
                "{ms} ms; a feed sets at most 30 s for its own session, and reports at least every third of that"
            ),
        };
        Check::good("wal_sender_timeout", detail)
    }

    /// Whether a feed would count as one shows in the trial.
    pub(super) fn synchronous_standbys(&self) -> Check {
        const NAME: &str = "synchronous_standbys";
        match self.synchronous_standby_names.as_str() {
            "" => Check::good(NAME, "none: commits wait for no standby"),
            names => Check::good(NAME, format!("{names}: a commit nudges when they have acknowledged it")),
        }
    }

    /// Whoever passes a session on invents a process id for it, because a CancelRequest needs one that is
    /// its own.
    pub(super) fn pooler(&self, session: &Session, works: bool) -> Check {
        let told = session.backend_pid().to_string();
        if told == self.backend_pid {
            return Check::good("pooler", "none: the server itself has answered");
        }
        let detail =
            format!("something in between answers as process {told}; the server's is {}", self.backend_pid);
        if works {
            return Check::good(
                "pooler",
                format!("{detail}, and it passes replication on; `bridge --ha` is refused through it"),
            );
        }
        let own = "connect to PostgreSQL itself, or use PgBouncer 1.23 or later".to_owned();
        Check::bad("pooler", detail, self.remedy(ErrorKind::Protocol, own))
    }
}

/// Settings that a server does not have, or that the role may not see, are NULL.
const QUESTION: &str = "\
SELECT pg_catalog.current_setting('wal_level'), \
pg_catalog.current_setting('effective_wal_level', true), \
(SELECT r.rolsuper OR r.rolreplication FROM pg_catalog.pg_roles r WHERE r.rolname = SESSION_USER) \
OR EXISTS (SELECT FROM pg_catalog.pg_roles s WHERE s.rolname = 'rds_replication' \
           AND pg_catalog.pg_has_role(SESSION_USER, s.oid, 'MEMBER')), \
pg_catalog.quote_ident(SESSION_USER), pg_catalog.inet_client_addr()::pg_catalog.text, \
(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'), \
pg_catalog.pg_backend_pid(), pg_catalog.current_setting('synchronous_standby_names'), \
(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'output_plugin_libraries'), \
pg_catalog.current_setting('max_replication_slots'), pg_catalog.current_setting('max_wal_senders'), \
(SELECT name FROM pg_catalog.pg_settings \
 WHERE name ~ '^(apg_|aurora_|rds|azure|supautils|neon|cloudsql)[._]' ORDER BY name LIMIT 1)";

#[cfg(test)]
mod tests {
    use super::*;

    fn server(version: &str, wal_level: &str, effective: Option<&str>) -> Server {
        Server {
            version: version.into(),
            platform: Platform::Unknown,
            wal_level: wal_level.into(),
            effective_wal_level: effective.map(str::to_owned),
            may_replicate: true,
            role: "nudger".into(),
            address: None,
            wal_sender_timeout: "60000".into(),
            backend_pid: "1".into(),
            synchronous_standby_names: String::new(),
            standby: false,
            output_plugin_libraries: None,
            max_slots: 10,
            max_senders: 10,
        }
    }

    #[test]
    fn a_server_that_raises_its_level_needs_no_logical() {
        assert!(server("17.11", "logical", None).wal_level().ok);
        assert!(server("19rc1", "replica", Some("replica")).wal_level().ok);
        assert!(!server("19rc1", "minimal", Some("minimal")).wal_level().ok);
        let check = server("17.11", "replica", None).wal_level();
        assert!(!check.ok && check.fix.unwrap().0[0].starts_with("ALTER SYSTEM SET wal_level = 'logical';"));
    }

    #[test]
    fn the_remedy_is_that_of_the_service_and_names_the_role() {
        let mut server = server("16.4", "replica", None);
        server.may_replicate = false;
        assert_eq!(server.replication().fix.unwrap().0, ["ALTER ROLE nudger REPLICATION;"]);
        server.platform = Platform::Azure;
        assert_eq!(
            server.replication().fix.unwrap().0,
            ["as the server's administrator: ALTER ROLE nudger REPLICATION"]
        );
        assert!(server.wal_level().fix.unwrap().0[0].contains("az postgres flexible-server"));
    }

    #[test]
    fn versions_are_told_apart() {
        let check = |version, major, ok| {
            let server = server(version, "logical", None);
            assert_eq!((server.major(), server.version().ok), (major, ok), "{version}");
        };
        check("14.9", 14, false);
        check("15.20 (Debian 15.20-1.pgdg12+1)", 15, true);
        check("19rc1", 19, true);
        check("", 0, false);
    }

    #[test]
    fn a_standby_decodes_from_16_on() {
        let mut old = server("15.20", "logical", None);
        old.standby = true;
        assert!(!old.standby().ok);
        let mut new = server("16.14", "logical", None);
        new.standby = true;
        assert!(new.standby().ok);
    }
}
