//! Precedence, defaults, and what stands in the environment.

use pgnudge::settings::{ConnectionText, Environment, FileFacts, FileKind, Origin, Platform, SslMode};

use crate::imagined::{Imagined, refusal_in, resolve, resolve_in};

#[test]
fn text_beats_service_beats_variable_beats_default() {
    let service = "[all]\nuser=service\ndbname=service\napplication_name=service\n";
    let environment = Imagined::new()
        .file("/home/alice/.pg_service.conf", 0o644, service)
        .environment()
        .with_variable("PGUSER", "variable")
        .with_variable("PGDATABASE", "variable")
        .with_variable("PGOPTIONS", "variable");
    let settings = resolve_in("service=all user=text", &environment).settings;
    assert_eq!(settings.user, "text");
    assert_eq!(settings.database, "service");
    assert_eq!(settings.application_name.as_deref(), Some("service"));
    assert_eq!(settings.options.as_deref(), Some("variable"));
    assert_eq!(settings.tls.mode, SslMode::Prefer);
}

#[test]
fn an_empty_text_is_all_environment() {
    let environment = Imagined::new()
        .environment()
        .with_variable("PGHOST", "a,b")
        .with_variable("PGPORT", "1,2")
        .with_variable("PGPASSWORD", "pw");
    let settings = resolve_in("", &environment).settings;
    let hosts: Vec<_> = settings.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["a:1", "b:2"]);
    assert_eq!(settings.password_origin, Some(Origin::Variable("PGPASSWORD")));
    assert!(settings.hosts.iter().all(|host| host.password.is_some()));
}

#[test]
fn an_empty_value_in_the_text_hides_the_variable() {
    let environment = Imagined::new()
        .environment()
        .with_variable("PGHOST", "h")
        .with_variable("PGUSER", "u")
        .with_variable("PGPASSWORD", "pw");
    let settings = resolve_in("host='' user='' password=''", &environment).settings;
    assert!(!settings.hosts[0].is_tcp());
    assert_eq!(settings.user, "alice");
    assert_eq!(settings.hosts[0].password, None);
    let missing = resolve_in("postgres:///", &environment).settings;
    assert_eq!((missing.user.as_str(), missing.hosts[0].is_tcp()), ("u", true));
}

#[test]
fn user_and_database_default_to_the_operating_systems_user() {
    let settings = resolve("");
    assert_eq!((settings.user.as_str(), settings.database.as_str()), ("alice", "alice"));
    let settings = resolve("user=bob");
    assert_eq!(settings.database, "bob");
    let nobody = Environment::bare(Imagined::new());
    assert!(refusal_in("", &nobody).starts_with("no user is given"));
    assert_eq!(resolve_in("user=bob", &nobody).settings.user, "bob");
}

#[test]
fn the_default_host_is_where_servers_put_their_socket() {
    let host = |environment| resolve_in("", &environment).settings.hosts[0].to_string();
    assert_eq!(host(Imagined::new().environment()), "/tmp/.s.PGSQL.5432");
    let directory = FileFacts { kind: FileKind::Directory, mode: 0o755, owner: 0 };
    let debian = Imagined::new().entry("/var/run/postgresql", directory, b"");
    assert_eq!(host(debian.environment()), "/var/run/postgresql/.s.PGSQL.5432");
    let windows = Imagined::new().environment().with_platform(Platform::Windows);
    assert_eq!(host(windows), "localhost:5432");
}

#[test]
fn windows_keeps_its_files_in_application_data() {
    let environment = Imagined::new()
        .file("/data/postgresql/pgpass.conf", 0o644, "h:*:*:*:from file\n")
        .file("/data/postgresql/root.crt", 0o644, "")
        .environment()
        .with_home("/data/postgresql")
        .with_platform(Platform::Windows);
    let resolved = resolve_in("host=h sslmode=verify-full", &environment);
    assert!(resolved.settings.hosts[0].password.is_some());
    assert_eq!(resolved.warnings, []);
    assert!(refusal_in("host=/tmp", &environment).contains("no Unix-domain sockets on Windows"));
}

#[test]
fn pgrequiressl_is_an_old_word_for_sslmode() {
    let environment = Imagined::new().environment().with_variable("PGREQUIRESSL", "1");
    assert_eq!(resolve_in("", &environment).settings.tls.mode, SslMode::Require);
    assert_eq!(resolve_in("sslmode=allow", &environment).settings.tls.mode, SslMode::Allow);
}

#[test]
#[cfg(unix)]
fn variables_that_are_not_utf8_are_named() {
    use std::os::unix::ffi::OsStringExt;

    let value = std::ffi::OsString::from_vec(b"\xff".to_vec());
    let broken = Imagined::new().environment().with_variable("PGUSER", value);
    assert_eq!(refusal_in("", &broken), "environment variable PGUSER is not UTF-8");
    assert_eq!(resolve_in("user=u", &broken).settings.user, "u");
}

#[test]
fn variables_that_are_too_long_are_named() {
    let long = "x".repeat(ConnectionText::MAX_LENGTH + 1);
    let environment = Imagined::new().environment();
    let long = environment.with_variable("PGDATABASE", long);
    assert_eq!(refusal_in("", &long), "environment variable PGDATABASE is too long");
}

#[test]
fn a_bare_environment_knows_nothing() {
    let environment = Environment::bare(Imagined::new());
    let resolved = resolve_in("user=u host=h", &environment);
    assert_eq!(resolved.warnings, []);
    assert_eq!(resolved.settings.hosts[0].password, None);
    assert_eq!(resolved.settings.tls.client, None);
}
