//! Password files and service files that somebody else wrote.

use pgnudge::settings::{LineProblem, ServiceError, Settings, SettingsError};

use crate::imagined_files::Home;

/// Law: lines of a password file that do not fit change nothing for the line that does, which means
/// what was escaped in it; groups of a service file that are not asked for change nothing for the one
/// that is; and what is wrong in a file is told with its line.
pub fn login_files(file: &[u8]) {
    passwords(file);
    services(file);
}

fn passwords(file: &[u8]) {
    let login = "host=db.example port=5433 dbname='a:b' user='al\\\\ice'";
    let found = password(login, file);
    // The first line that fits counts; ours is the last.
    let ours: String = String::from_utf8_lossy(file).chars().filter(|c| !"\0\r\n".contains(*c)).collect();
    let line = format!("\ndb.example:*:a\\:b:al\\\\ice:{}\n", escaped(&ours));
    let with_ours = password(login, &[file, line.as_bytes()].concat());
    let expected = match found {
        Found::Nothing if ours.is_empty() || may_fit_without_password(file, &with_ours) => Found::Nothing,
        Found::Nothing => Found::Password(ours),
        found => found,
    };
    assert_eq!(with_ours, expected);
}

/// A line that fits and has an empty password hides those behind it, as in libpq.
fn may_fit_without_password(file: &[u8], with_ours: &Found) -> bool {
    let ends =
        |line: &[u8]| line.trim_ascii_end().ends_with(b":") || line.windows(2).any(|pair| pair == b"::");
    *with_ours == Found::Nothing && file.split(|byte| *byte == b'\n').any(ends)
}

#[derive(Debug, PartialEq)]
enum Found {
    Nothing,
    Password(String),
    /// A line fits, and has a password that is empty or no text.
    Useless,
}

fn password(login: &str, file: &[u8]) -> Found {
    let resolved = Settings::resolve(login, &Home::with(&[(".pgpass", file)])).expect("a login");
    let [host] = &resolved.settings.hosts[..] else { panic!("one host") };
    match &host.password {
        Some(password) => {
            assert!(!password.reveal().is_empty());
            Found::Password(password.reveal().to_owned())
        }
        None if resolved.warnings.is_empty() => Found::Nothing,
        None => Found::Useless,
    }
}

fn escaped(password: &str) -> String {
    password.replace('\\', "\\\\").replace(':', "\\:")
}

fn services(file: &[u8]) {
    let lines = 3 + file.split(|byte| *byte == b'\n').count();
    let before = [file, b"\n[the service]\nhost=db.example\n"].concat();
    let within = [b"[the service]\n", file].concat();
    for file in [before, within] {
        let asked = Settings::resolve("service='the service'", &Home::with(&[(".pg_service.conf", &file)]));
        match asked {
            Err(SettingsError::Service(ServiceError::Line { line, problem, .. })) => {
                assert!((1..=lines).contains(&line));
                assert!(!problem.to_string().is_empty());
                let text = file.split_inclusive(|byte| *byte == b'\n').nth(line - 1).expect("the line");
                assert_eq!(problem == LineProblem::TooLong, text.len() > 1022);
            }
            Err(SettingsError::Service(other)) => panic!("{other}"),
            Ok(_) | Err(_) => {}
        }
    }
}
