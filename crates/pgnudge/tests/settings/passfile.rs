//! Passwords from files, host by host.

use pgnudge::settings::{Environment, FileFacts, FileKind, Origin, Password, Warning};

use crate::imagined::{Imagined, resolve_in};

const PASSFILE: &str = "/home/alice/.pgpass";

fn passwords(text: &str, environment: &Environment) -> Vec<Option<String>> {
    let hosts = resolve_in(text, environment).settings.hosts;
    let reveal = |password: Password| password.reveal().to_owned();
    hosts.into_iter().map(|host| host.password.map(reveal)).collect()
}

fn check(file: &str, text: &str, expected: &[Option<&str>]) {
    let environment = Imagined::new().file(PASSFILE, 0o600, file).environment();
    let found = passwords(text, &environment);
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn each_host_has_its_own_password() {
    let file = "a:*:*:*:for a\nb:2:*:*:for b\n10.0.0.1:*:*:*:for address\n";
    check(file, "host=a,b,c port=1,2,3", &[Some("for a"), Some("for b"), None]);
    check(file, "host=b port=1", &[None]);
    check(file, "hostaddr=10.0.0.1", &[Some("for address")]);
    check(file, "host=a hostaddr=10.0.0.1", &[Some("for a")]);
}

#[test]
fn user_and_database_count() {
    let file = "*:*:app:bob:for bob\n*:*:*:alice:for alice\n";
    check(file, "user=bob dbname=app", &[Some("for bob")]);
    check(file, "user=bob", &[None]);
    check(file, "dbname=app", &[Some("for alice")]);
}

#[test]
fn the_default_socket_is_localhost() {
    let file = "localhost:*:*:*:local\n/other:*:*:*:other\n";
    check(file, "", &[Some("local")]);
    check(file, "host=/tmp", &[Some("local")]);
    check(file, "host=/other", &[Some("other")]);
    check(file, "host=localhost", &[Some("local")]);
}

#[test]
fn a_given_password_keeps_the_file_closed() {
    let file = "*:*:*:*:file\n";
    check(file, "password=given", &[Some("given")]);
    check(file, "password=''", &[Some("file")]);
    let exposed = Imagined::new().file(PASSFILE, 0o644, file).environment();
    assert_eq!(resolve_in("password=given", &exposed).warnings, []);
}

#[test]
fn the_origin_is_told() {
    let environment = Imagined::new().file(PASSFILE, 0o600, "a:*:*:*:pw\n").environment();
    let origin = |text| resolve_in(text, &environment).settings.password_origin;
    assert_eq!(origin("host=a,b"), Some(Origin::Passfile(PASSFILE.into())));
    assert_eq!(origin("host=b"), None);
    assert_eq!(origin("host=b password=pw"), Some(Origin::Text));
}

fn warnings(files: Imagined, text: &str) -> Vec<Warning> {
    let resolved = resolve_in(text, &files.environment());
    assert_eq!(resolved.settings.hosts[0].password, None);
    resolved.warnings
}

#[test]
fn a_file_that_others_can_read_is_left_alone() {
    for mode in [0o640, 0o604, 0o620, 0o610, 0o601, 0o777] {
        let exposed = Imagined::new().file(PASSFILE, mode, "*:*:*:*:pw\n");
        let path = PASSFILE.into();
        assert_eq!(warnings(exposed, ""), [Warning::PassfileExposed { path }], "{mode:o}");
    }
    for mode in [0o600, 0o400, 0o700] {
        let private = Imagined::new().file(PASSFILE, mode, "*:*:*:*:pw\n");
        assert_eq!(resolve_in("", &private.environment()).warnings, [], "{mode:o}");
    }
}

#[test]
fn what_is_no_file_is_left_alone() {
    let pipe = FileFacts { kind: FileKind::Other, mode: 0o600, owner: 1000 };
    let path = || PASSFILE.into();
    let odd = Imagined::new().entry(PASSFILE, pipe, b"*:*:*:*:pw\n");
    assert_eq!(warnings(odd, ""), [Warning::PassfileNotPlain { path: path() }]);
    let huge = Imagined::new().file(PASSFILE, 0o600, "#".repeat((1 << 20) + 1));
    assert_eq!(warnings(huge, ""), [Warning::PassfileTooLarge { path: path() }]);
    let binary = Imagined::new().file(PASSFILE, 0o600, b"*:*:*:*:\xff\n");
    assert_eq!(warnings(binary, "host=a,b"), [Warning::PassfileNotUtf8 { path: path() }]);
}

#[test]
fn a_missing_file_is_worth_a_word_if_it_was_named() {
    assert_eq!(warnings(Imagined::new(), ""), []);
    let named = warnings(Imagined::new(), "passfile=/nowhere");
    assert!(matches!(&named[..], [Warning::PassfileUnreadable { path, .. }] if path.ends_with("nowhere")));
}

/// As psql finds them at that moment: another password, another place that has it, none at all.
#[test]
fn passwords_are_renewed_and_nothing_else_is() {
    let files = |passfile: &str, service: &str| {
        let files = Imagined::new().file("/home/alice/.pg_service.conf", 0o644, service);
        files.file(PASSFILE, 0o600, passfile).environment()
    };
    let text = "service=ours dbname=app";
    let before = files("a:*:*:*:first\nb:*:*:*:first b\n", "[ours]\nhost=a,b\n");
    let resolved = resolve_in(text, &before).settings;
    let renewed = |environment: &Environment| {
        let mut settings = resolved.clone();
        let warnings = settings.renew_passwords(text, environment).unwrap();
        let hosts: Vec<_> = settings.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["a:5432", "b:5432"]);
        let reveal = |password: &Password| password.reveal().to_owned();
        let passwords: Vec<_> = settings
            .hosts
            .iter()
            .map(|host| host.password.as_ref().map(reveal).unwrap_or_default())
            .collect();
        (passwords.join(" "), warnings.len())
    };
    let moved = "[ours]\nhost=c\npassword=of-the-service\n";
    assert_eq!(renewed(&before), ("first first b".into(), 0));
    assert_eq!(renewed(&files("a:*:*:*:second\n", "[ours]\nhost=c\n")), ("second ".into(), 0));
    assert_eq!(renewed(&files("", moved)), ("of-the-service of-the-service".into(), 0));
    let service_alone = Imagined::new().file("/home/alice/.pg_service.conf", 0o644, "[ours]\n");
    assert_eq!(renewed(&service_alone.clone().environment()), (" ".into(), 0));
    assert_eq!(renewed(&service_alone.file(PASSFILE, 0o644, "*:*:*:*:x").environment()), (" ".into(), 1));
    assert!(resolved.clone().renew_passwords(text, &Imagined::new().environment()).is_err());
}
