//! Connection texts, as users write them and as programs do.

use pgnudge::settings::{ConnectionText, MAX_HOSTS, Settings};

use crate::imagined_files::Home;

/// Law: what was read, written again in either form, is read as the same; settings come out the same
/// each time; and a password is shown by no error and by no `Debug`, whatever stands around it.
pub fn connection_text(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    if let Ok(read) = ConnectionText::parse(text) {
        reads_back(&read, &as_key_value(&read));
        reads_back(&read, &as_uri(&read));
    }
    let environment = Home::with(&[]);
    let resolved = Settings::resolve(text, &environment);
    assert_eq!(resolved, Settings::resolve(text, &environment));
    if let Ok(resolved) = resolved {
        assert!((1..=MAX_HOSTS).contains(&resolved.settings.hosts.len()));
    }
    if !text.contains(SECRET) {
        let user_info = format!("postgres://alice:{SECRET}@");
        let behind_a_uri = text.strip_prefix("postgres://").unwrap_or(text);
        never_shown(&format!("{user_info}{behind_a_uri}"));
        never_shown(&format!("password='{SECRET}' {text}"));
        never_shown(&format!("{text} password={SECRET}"));
    }
}

fn reads_back(read: &ConnectionText, written: &str) {
    // Escaped, it may be longer than what is read.
    if written.len() <= ConnectionText::MAX_LENGTH {
        assert_eq!(ConnectionText::parse(written).as_ref(), Ok(read), "{written}");
        assert!(read.iter().eq(ConnectionText::parse(written).expect("it was read").iter()), "{written}");
    }
}

fn as_key_value(read: &ConnectionText) -> String {
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
    read.iter().map(|(key, value)| format!("{key} = '{}' ", quoted(value))).collect()
}

fn as_uri(read: &ConnectionText) -> String {
    let encoded = |value: &str| value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let parameters: Vec<_> = read.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    if parameters.is_empty() {
        return "postgresql://".to_owned();
    }
    format!("postgresql://?{}", parameters.join("&"))
}

/// Of a text that can be read, only what has become the password; what has become a part of another
/// value (`replication=x\ password=…`) is no password to anybody.
fn never_shown(text: &str) {
    if ConnectionText::parse(text).is_ok_and(|read| read.get("password") != Some(SECRET)) {
        return;
    }
    let shown = match Settings::resolve(text, &Home::with(&[])) {
        Ok(resolved) => format!("{resolved:?}"),
        Err(error) => format!("{error} {error:?} {:?}", error.hint()),
    };
    assert!(!shown.contains(SECRET), "{shown}");
}

/// No text that the fuzzer brings by chance, and nothing that has to be escaped.
const SECRET: &str = "open-Sesame-7";
