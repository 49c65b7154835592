//! The handshakes: can the server be reached, is the connection encrypted, does it let the role in?

use std::net::SocketAddr;

use pgnudge::settings::{Environment, Settings, SslMode};
use pgnudge::{Error, ErrorKind, Session, SessionKind};

use super::catalog::Server;
use super::check::Check;

/// Logs in, and tells how far that went.
pub(super) async fn log_in(connection: &str, checks: &mut Vec<Check>) -> Option<Session> {
    match Session::connect(connection, SessionKind::Sql).await {
        Ok(mut session) => {
            checks.push(Check::good("reachable", format!("the server answers at {}", session.route())));
            checks.push(tls(connection, &mut session).await);
            checks.push(Check::good("login", format!("process {}", session.backend_pid())));
            Some(session)
        }
        Err(error) => {
            let failed = stage(&error);
            if let "tls" | "login" = failed {
                checks.push(Check::good("reachable", "the server answers"));
            }
            checks.push(Check::failed(failed, &error));
            None
        }
    }
}

/// How far an attempt got that failed so.
fn stage(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Config => "connection",
        ErrorKind::Network | ErrorKind::Timeout => "reachable",
        ErrorKind::Tls => "tls",
        _ => "login",
    }
}

/// What of `sslmode` was reached.
async fn tls(connection: &str, session: &mut Session) -> Check {
    const NAME: &str = "tls";
    if session.is_local() {
        return Check::good(NAME, "a Unix-domain socket: nothing leaves the machine");
    }
    let resolved = Settings::resolve(connection, &Environment::of_process());
    let mode = resolved.map_or(SslMode::Prefer, |resolved| resolved.settings.tls.mode);
    if !session.is_encrypted() {
        if is_loopback(&session.route()) {
            return Check::good(NAME, "not encrypted, and nothing leaves the machine");
        }
        let detail = "not encrypted: data, and who changes it, can be read and altered on the way";
        return Check::note(
            NAME,
            detail,
            "add sslmode=verify-full to the connection text, and ssl = on to the server",
        );
    }
    // A pooler tells about its own connection to the server; that is worth knowing, too.
    let question =
        "SELECT version, cipher FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()";
    let told =
        session.query_catalog(question).await.unwrap_or_default().into_iter().next().unwrap_or_default();
    let told: Vec<_> = told.into_iter().flatten().collect();
    let proof = match mode {
        SslMode::VerifyFull => "the server's certificate is checked, and made out to the host",
        SslMode::VerifyCa => "the server's certificate is checked, but not whom it is made out to",
        _ => "the server's certificate is not checked: sslmode=verify-full would",
    };
    Check::good(NAME, format!("{} ({proof})", told.join(", ")))
}

/// Whether a route leads to an address of this machine: `localhost (127.0.0.1:5432), with TLS`, or without the name.
fn is_loopback(route: &str) -> bool {
    let address = route.split_once('(').map_or(route, |(_, behind)| behind);
    let address = address.split([')', ',']).next().unwrap_or_default();
    address.parse().is_ok_and(|address: SocketAddr| address.ip().is_loopback())
}

/// Whether a physical replication connection would be admitted: for tools that need one, as pgnudge does
/// not.
pub(super) async fn physical(connection: &str, server: &Server) -> Check {
    const NAME: &str = "physical";
    let identified = async {
        let mut session = Session::connect(connection, SessionKind::Physical).await?;
        session.query("IDENTIFY_SYSTEM").await
    };
    match identified.await {
        Ok(_) => Check::good(NAME, "a physical replication connection is admitted; pgnudge does not use one"),
        Err(error) => {
            let role = server.role();
            let line = match server.client_address() {
                Some(address) => format!("host  replication  {role}  {address}  scram-sha-256"),
                None => format!("local  replication  {role}  peer"),
            };
            let detail = format!(
                "a physical replication connection is not admitted, and pgnudge does not need one: {error}"
            );
            let line = format!("in pg_hba.conf: {line}");
            let fix = match error.kind() {
                // It came through: something in between does not know the parameter.
                ErrorKind::Protocol => error.hint().unwrap_or_default().to_owned(),
                ErrorKind::Privilege => server.remedy(ErrorKind::Privilege, line),
                _ => line,
            };
            Check::note(NAME, detail, fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_how_far_it_got() {
        let check = |kind, expect| assert_eq!(stage(&refused(kind)), expect);
        check(ErrorKind::Config, "connection");
        check(ErrorKind::Network, "reachable");
        check(ErrorKind::Tls, "tls");
        check(ErrorKind::Authentication, "login");
        check(ErrorKind::Database, "login");
    }

    #[test]
    fn what_stays_on_this_machine_is_known() {
        for near in ["127.0.0.1:5432, without TLS", "localhost ([::1]:5432), without TLS", "a (127.8.0.1:1)"]
        {
            assert!(is_loopback(near), "{near}");
        }
        for far in ["10.0.0.1:5432, without TLS", "localhost (10.0.0.1:5432)", "127.0.0.1", "", "(", "::1"] {
            assert!(!is_loopback(far), "{far}");
        }
    }

    fn refused(kind: ErrorKind) -> Error {
        Error::permanent(kind, "no")
    }
}
