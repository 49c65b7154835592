//! Passwords stay out of everything that people print.

use pgnudge::settings::{ConnectionText, Settings};
use proptest::prelude::*;

use crate::imagined::Imagined;

const SECRET: &str = "hunter2";

#[test]
fn debug_shows_no_password() {
    let environment = Imagined::new()
        .file("/home/alice/.pgpass", 0o600, "*:*:*:*:hunter2\n")
        .file("/home/alice/.pg_service.conf", 0o600, "[s]\npassword=hunter2\n")
        .environment()
        .with_variable("PGPASSWORD", SECRET);
    assert!(!format!("{environment:?}").contains(SECRET));
    let texts = ["", "password=hunter2", "postgres://u:hunter2@h", "service=s", "password=''"];
    for text in texts {
        let resolved = Settings::resolve(text, &environment).unwrap();
        assert_eq!(resolved.settings.hosts[0].password.as_ref().unwrap().reveal(), SECRET);
        assert!(!format!("{resolved:?}").contains(SECRET), "{text}");
    }
    let text = ConnectionText::parse("postgres://u:hunter2@h").unwrap();
    assert!(!format!("{text:?}").contains(SECRET));
}

#[test]
fn debug_shows_no_password_of_a_key() {
    let files = Imagined::new().file("/cert", 0o644, "").file("/key", 0o600, "");
    let text = "host=h sslcert=/cert sslkey=/key sslpassword=hunter2";
    let resolved = Settings::resolve(text, &files.environment()).unwrap();
    assert!(
        resolved.settings.tls.client.is_some() && !format!("{resolved:?}").contains(SECRET),
        "{resolved:?}"
    );
}

#[test]
fn refused_secrets_are_not_shown() {
    let environment = Imagined::new().environment();
    let keywords = ["scram_client_key", "scram_server_key", "oauth_client_secret"];
    for keyword in keywords {
        let error = Settings::resolve(&format!("{keyword}=hunter2"), &environment).unwrap_err();
        assert!(!error.to_string().contains(SECRET), "{error}");
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
    }
}

const PIECES: &[&str] =
    &["@", ":", "/", "?", "[", "]", "%", "%00", ",", "h", "=", "&", " ", "'", "port", "1"];

/// A password, and pieces around it that break the text in every way.
fn broken_texts() -> impl Strategy<Value = String> {
    let start = prop_oneof![
        Just("postgres://u:hunter2"),
        Just("postgres://u:hunter2%zz"),
        Just("postgres://u:p@hunter2"),
        Just("postgres://u:p/hunter2"),
        Just("postgre://u:hunter2"),
        Just(" postgres://u:hunter2"),
        Just("postgres//u:hunter2@h?x=y "),
        Just("password='hunter2"),
        Just("password=hunter2 "),
        Just("password=correct hunter2 "),
        Just("sslpassword=hunter2 "),
    ];
    let rest = proptest::collection::vec(proptest::sample::select(PIECES), 0..8);
    (start, rest).prop_map(|(start, rest)| start.to_owned() + &rest.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn errors_show_no_password(text in broken_texts()) {
        if let Err(error) = Settings::resolve(&text, &Imagined::new().environment()) {
            prop_assert!(!error.to_string().contains(SECRET), "{}", error);
            prop_assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
        }
    }
}
