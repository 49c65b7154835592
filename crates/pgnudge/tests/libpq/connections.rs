//! From a text, an environment and files to what a connection is made of.
//!
//! libpq only tells after trying to connect, so hosts are directories without a
//! socket in them, and nothing leaves the process.

use std::cell::RefCell;

use pgnudge::settings::{Environment, Password, ProcessFiles, Settings, SettingsError, SslMode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::connection_cases::{AGREED, Case, REFUSED};
use crate::oracle::{Oracle, oracle};
use crate::scratch::Scratch;

/// What both sides can tell about a connection, as far as it got.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    user: String,
    database: String,
    /// Of the last host: libpq remembers no other.
    password: String,
    sslmode: String,
    /// In the order in which they are tried.
    sockets: Vec<String>,
}

/// Asks both sides, in an environment of nothing but these variables.
struct Comparison<'a> {
    oracle: RefCell<&'a mut Oracle>,
    /// What each side calls the default directory for sockets.
    default_directories: [String; 2],
    os_user: String,
}

impl<'a> Comparison<'a> {
    fn new(oracle: &'a mut Oracle) -> Self {
        let theirs = oracle.connect("port=1", &[("HOME", "/nonexistent")]);
        let environment = Environment::bare(ProcessFiles);
        let ours = Settings::resolve("user=u", &environment).unwrap().settings.hosts[0].to_string();
        let ours = ours.strip_suffix("/.s.PGSQL.5432").unwrap().to_owned();
        Self {
            oracle: RefCell::new(oracle),
            default_directories: [ours, theirs[".host"].clone()],
            os_user: theirs[".user"].clone(),
        }
    }

    fn ours(&self, text: &str, variables: &[(&str, &str)]) -> Result<Outcome, SettingsError> {
        let mut environment = Environment::bare(ProcessFiles).with_os_user(self.os_user.as_str());
        for (name, value) in variables {
            environment = match *name {
                "HOME" => environment.with_home(value),
                name => environment.with_variable(name, value),
            };
        }
        let settings = Settings::resolve(text, &environment)?.settings;
        let last = settings.hosts.last().unwrap();
        let password = last.password.as_ref().map(Password::reveal);
        let sockets = settings.hosts.iter().map(|host| self.neutral(&host.to_string()));
        Ok(Outcome {
            password: password.unwrap_or_default().to_owned(),
            sslmode: word_of(settings.tls.mode).to_owned(),
            sockets: sockets.collect(),
            user: settings.user,
            database: settings.database,
        })
    }

    fn theirs(&self, text: &str, variables: &[(&str, &str)]) -> Result<Outcome, String> {
        let answer = self.oracle.borrow_mut().connect(text, variables);
        let message = &answer[".message"];
        let tried = message.lines().filter_map(|line| {
            line.strip_prefix("connection to server on socket \"")?.split_once("\" failed")
        });
        let sockets: Vec<_> = tried.map(|(path, _)| self.neutral(path)).collect();
        let bad_port = message.contains("invalid port") || message.contains("invalid integer");
        if sockets.is_empty() || bad_port {
            return Err(message.clone());
        }
        let value = |key: &str| answer.get(key).cloned().unwrap_or_default();
        Ok(Outcome {
            user: value(".user"),
            database: value(".database"),
            password: value(".password"),
            sslmode: value("sslmode"),
            sockets,
        })
    }

    /// A socket's path without the name of the default directory.
    fn neutral(&self, path: &str) -> String {
        let [ours, theirs] = &self.default_directories;
        let rest = path.strip_prefix(ours).or_else(|| path.strip_prefix(theirs));
        rest.map_or_else(|| path.to_owned(), |rest| format!("DEFAULT{rest}"))
    }

    /// Asserts the same outcome, or errors that mean the same.
    fn assert_same(&self, text: &str, variables: &[(&str, &str)]) {
        let ours = self.ours(text, variables);
        let is_path = |socket: &String| socket.starts_with(['/', '@', 'D']);
        let stays_here = ours.as_ref().map_or(true, |ours| ours.sockets.iter().all(is_path));
        assert!(stays_here, "{text:?} would ask a name server");
        let theirs = self.theirs(text, variables);
        let same = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            (Err(ours), Err(theirs)) => mean_the_same(&ours.to_string(), theirs),
            _ => false,
        };
        assert!(same, "{text:?} {variables:?}\n  ours: {ours:?}\n  libpq: {theirs:?}");
    }
}

/// Whether two messages name the same kind of mistake, and the same line of a file.
fn mean_the_same(ours: &str, theirs: &str) -> bool {
    let line = |message: &str| {
        let number = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
        message.split("line ").skip(1).find_map(number) as Option<u32>
    };
    let kind =
        |(our_words, their_words): &&(&str, &str)| ours.contains(our_words) && theirs.contains(their_words);
    SAME_MEANING.iter().any(|pair| kind(&pair)) && line(ours) == line(theirs)
}

const SAME_MEANING: &[(&str, &str)] = &[
    ("invalid port value", "invalid port number"),
    ("invalid port value", "invalid integer value"),
    ("invalid sslmode value", "invalid sslmode value"),
    ("invalid sslnegotiation value", "invalid sslnegotiation value"),
    ("invalid channel_binding value", "invalid channel_binding value"),
    ("invalid target_session_attrs value", "invalid target_session_attrs value"),
    ("invalid load_balance_hosts value", "invalid load_balance_hosts value"),
    ("unsupported gssencmode value", "invalid gssencmode value"),
    ("unsupported sslcertmode value", "invalid sslcertmode value"),
    ("invalid require_auth value", "require_auth"),
    ("invalid ssl_min_protocol_version value", "ssl_min_protocol_version"),
    ("invalid ssl_max_protocol_version value", "ssl_max_protocol_version"),
    ("ssl_min_protocol_version is above", "invalid SSL protocol version range"),
    ("may not be used with sslrootcert=system", "may not be used with sslrootcert=system"),
    ("may not be used with sslnegotiation=direct", "may not be used with sslnegotiation=direct"),
    ("unsupported min_protocol_version value", "min_protocol_version"),
    ("unsupported max_protocol_version value", "max_protocol_version"),
    ("could not match", "could not match"),
    ("a socket path of at most", "is too long"),
    ("definition of service", "definition of service"),
    ("cannot be read", "not found"),
    ("syntax error", "syntax error in service file"),
    ("nested \"service", "nested "),
    ("line too long", "too long in service file"),
];

fn word_of(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disable => "disable",
        SslMode::Allow => "allow",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyFull => "verify-full",
    }
}

#[test]
fn agreed_cases() {
    let Some(mut oracle) = oracle() else { return };
    let major = oracle.major;
    let comparison = Comparison::new(&mut oracle);
    let scratch = Scratch::with_example_files("agreed");
    for Case { since, text, variables } in AGREED {
        if major >= *since {
            let variables = scratch.expand_all(variables);
            let pairs: Vec<_> = variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            comparison.assert_same(&scratch.expand(text), &pairs);
        }
    }
}

/// What we refuse and libpq takes: each one must still be such a case.
#[test]
fn refused_here_only() {
    let Some(mut oracle) = oracle() else { return };
    let major = oracle.major;
    let comparison = Comparison::new(&mut oracle);
    for (since, text, reason) in REFUSED {
        let text = format!("host=/nonexistent user=u {text}");
        let ours = comparison.ours(&text, &[]);
        assert!(ours.is_err(), "{text} ({reason})");
        let theirs = comparison.theirs(&text, &[]);
        assert!(major < *since || theirs.is_ok(), "{text} ({reason}): {theirs:?}");
    }
}

#[test]
fn the_user_of_this_process() {
    let Some(mut oracle) = oracle() else { return };
    let theirs = oracle.connect("host=/nonexistent", &[]);
    let environment = Environment::of_process();
    let ours = Settings::resolve("host=/nonexistent dbname=d", &environment).unwrap().settings;
    if std::env::var_os("PGUSER").is_none() {
        assert_eq!(ours.user, theirs[".user"]);
    }
}

fn check_generated<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
    check: impl Fn(&Comparison<'_>, T),
) {
    let Some(mut oracle) = oracle() else { return };
    let comparison = Comparison::new(&mut oracle);
    let config = Config { cases: 1_000, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |value| {
        check(&comparison, value);
        Ok(())
    });
    result.unwrap();
}

fn pieces(list: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(list);
    proptest::collection::vec(piece, 0..most).prop_map(|list| list.concat())
}

#[test]
fn generated_host_and_port_lists() {
    let hosts = pieces(&["/x", "/y", ",", ","], 6);
    let ports = pieces(&["1", "2", ",", ",", " ", "x", "0", "-"], 6);
    check_generated((hosts, ports), |comparison, (hosts, ports)| {
        // The default directory may hold a live server; not on port 1.
        let text = format!("host='{hosts}' port='{ports}' user=u");
        if !ports.split(',').any(|port| port.is_empty()) {
            comparison.assert_same(&text, &[("HOME", "/nonexistent")]);
        }
    });
}

#[test]
fn generated_password_files() {
    let scratch = Scratch::new("passfile");
    let name = || pieces(&["a", "b", ":", "\\\\", "*"], 4);
    let lines =
        pieces(&["a", "b", "/", ":", ":", ":", "\\", "*", "*:", "*:*:*:*:", "1", "#", "\n", "\r", " "], 24);
    check_generated((name(), name(), name(), lines), |comparison, (host, db, user, lines)| {
        let path = scratch.write("pgpass", &lines, 0o600);
        let text = format!("host='/{host}' port=1 dbname='d{db}' user='u{user}' passfile='{path}'");
        comparison.assert_same(&text, &[]);
    });
}

#[test]
fn password_files_that_fit() {
    let scratch = Scratch::new("passfile-fit");
    let field = || pieces(&["a", "b", ":", "\\"], 4);
    let escape = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    check_generated((field(), field(), field(), field()), |comparison, (h, d, u, pw)| {
        let [h, d, u] = [format!("/{h}"), format!("d{d}"), format!("u{u}")];
        let fields = [&h, "1", &d, &u, &pw].map(escape);
        let path = scratch.write("pgpass", &fields.join(":"), 0o600);
        let [h, d, u] = [h, d, u].map(|value| value.replace('\\', "\\\\"));
        let text = format!("host='{h}' port=1 dbname='{d}' user='{u}' passfile='{path}'");
        comparison.assert_same(&text, &[]);
        assert_eq!(comparison.ours(&text, &[]).unwrap().password, pw);
    });
}

#[test]
fn generated_service_files() {
    let scratch = Scratch::new("service");
    let lines = pieces(
        &[
            "[s]\n",
            "[s]\n",
            "[s]x\n",
            "[other]\n",
            "user=a\n",
            "user=b\n",
            "dbname=d\n",
            "sslmode=require\n",
            "port=1\n",
            "\n",
            "#\n",
            " ",
            "\t",
            "user",
            "=",
            "x",
            "\n",
            "\r",
            "service=s\n",
            "nope=1\n",
            "password=p w \n",
            "host=/x\n",
            "'",
            "requiressl=1\n",
        ],
        12,
    );
    check_generated(lines, |comparison, lines| {
        let path = scratch.write("pg_service.conf", &lines, 0o644);
        let variables = [("PGSERVICEFILE", path.as_str()), ("PGUSER", "pguser"), ("PGHOST", "/h")];
        comparison.assert_same("service=s port=1", &variables);
    });
}

#[test]
fn generated_require_auth() {
    let lists = pieces(&["password", "md5", "gss", "scram-sha-256", "none", "!", "!", ",", ","], 8);
    check_generated(lists, |comparison, list| {
        if comparison.oracle.borrow().major < 16 {
            return;
        }
        let text = format!("host=/x port=1 user=u require_auth='{list}'");
        let refused = matches!(
            comparison.ours(&text, &[]),
            Err(SettingsError::Value(error)) if error.to_string().starts_with("unsupported")
        );
        if !refused {
            comparison.assert_same(&text, &[]);
        }
    });
}
