//! Services: which file, which group, and hostile files.

use pgnudge::settings::{Environment, FileFacts, FileKind};

use crate::imagined::{Imagined, refusal_in, resolve_in};

const USER_FILE: &str = "/home/alice/.pg_service.conf";

fn user_file(content: impl AsRef<[u8]>) -> Environment {
    Imagined::new().file(USER_FILE, 0o644, content).environment()
}

#[test]
fn the_users_file_comes_before_the_machines() {
    let files = Imagined::new()
        .file(USER_FILE, 0o644, "[both]\nuser=user file\n")
        .file("/etc/postgresql-common/pg_service.conf", 0o644, "[both]\nuser=x\n[one]\nuser=debian\n")
        .file("/sys/pg_service.conf", 0o644, "[one]\nuser=sysconfdir\n");
    let user = |environment: &Environment, service| {
        resolve_in(&format!("service={service}"), environment).settings.user
    };
    let environment = files.environment();
    assert_eq!(user(&environment, "both"), "user file");
    assert_eq!(user(&environment, "one"), "debian");
    let environment = environment.with_variable("PGSYSCONFDIR", "/sys");
    assert_eq!(user(&environment, "one"), "sysconfdir");
}

#[test]
fn the_file_can_be_named() {
    let environment = Imagined::new()
        .file(USER_FILE, 0o644, "[s]\nuser=home\n")
        .file("/variable", 0o644, "[s]\nuser=variable\n")
        .file("/text", 0o644, "[s]\nuser=text\n")
        .environment()
        .with_variable("PGSERVICEFILE", "/variable")
        .with_variable("PGSERVICE", "s");
    assert_eq!(resolve_in("", &environment).settings.user, "variable");
    assert_eq!(resolve_in("servicefile=/text", &environment).settings.user, "text");
    assert_eq!(
        refusal_in("servicefile=/missing", &environment),
        "service file \"/missing\" cannot be read: entity not found"
    );
}

#[test]
fn a_service_must_exist() {
    let message = "definition of service \"nope\" not found";
    assert_eq!(refusal_in("service=nope", &Imagined::new().environment()), message);
    assert_eq!(refusal_in("service=nope", &user_file("[other]\nuser=x\n")), message);
    // The name must fill the brackets.
    assert_eq!(refusal_in("service=nope", &user_file("[nope2]\n[xnope]\n")), message);
}

#[test]
fn lines_outside_of_the_group_do_not_matter() {
    let environment = user_file("junk\n[a]\nuser=a\n[b]\n  user=b  \n[b]\nuser=again\njunk\n");
    assert_eq!(resolve_in("service=b", &environment).settings.user, "b");
}

#[test]
fn the_first_value_of_a_key_wins() {
    let environment = user_file("[s]\nuser=first\nuser=second\n");
    assert_eq!(resolve_in("service=s", &environment).settings.user, "first");
}

#[test]
fn mistakes_are_located() {
    let check = |lines: &str, problem: &str| {
        let message = refusal_in("service=s", &user_file(format!("# comment\n\n[s]\n{lines}\n")));
        let place = format!("{problem} in service file \"{USER_FILE}\", line 4");
        assert_eq!(message, place, "{lines}");
    };
    check("user", "syntax error (missing \"=\")");
    check("usr=x", "syntax error (unknown key; \"user=…\" is one)");
    check("user = x", "syntax error (unknown key; \"user=…\" is one)");
    check("zzz=x", "syntax error (unknown key)");
    check("service=other", "nested \"service\" specification");
    check("servicefile=/x", "nested \"servicefile\" specification");
    check("ldap://host/dc=x", "LDAP look-up, which this client does not do,");
    check(&format!("user={}", "x".repeat(2000)), "line too long");
}

#[test]
fn bad_values_are_located_too() {
    let message = refusal_in("service=s", &user_file("[s]\nsslmode=on\n"));
    let place = format!("invalid sslmode value \"on\" from service file \"{USER_FILE}\", line 2: ");
    assert!(message.starts_with(&place), "{message}");
}

#[test]
fn hostile_files_are_refused() {
    let message = refusal_in("service=s", &user_file(b"[s]\nuser=\xff\n"));
    assert!(message.starts_with("line that is not UTF-8 text"), "{message}");
    let message = refusal_in("service=s", &user_file("[s]\nuser=a\0b\n"));
    assert!(message.starts_with("line that is not UTF-8 text"), "{message}");
    let message = refusal_in("service=s", &user_file("#\n".repeat(1 << 20)));
    assert!(message.ends_with("is larger than 1048576 bytes"), "{message}");
}

#[test]
fn an_odd_file_is_read_as_far_as_it_goes() {
    let device = FileFacts { kind: FileKind::Other, mode: 0o644, owner: 0 };
    let environment = Imagined::new().entry(USER_FILE, device, b"[s]\nuser=u").environment();
    assert_eq!(resolve_in("service=s", &environment).settings.user, "u");
}
