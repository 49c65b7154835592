//! The child process that asks libpq.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock};

/// libpq's answers, one request at a time.
pub(crate) struct Oracle {
    _process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// libpq's major version.
    pub(crate) major: u8,
}

/// What libpq makes of a text: values by keyword, or its error message.
pub(crate) type Answer = Result<BTreeMap<String, String>, String>;

/// The one oracle of this test run; none if the run was told to do without.
pub(crate) fn oracle() -> Option<MutexGuard<'static, Oracle>> {
    static ORACLE: OnceLock<Mutex<Oracle>> = OnceLock::new();
    if std::env::var_os("PGNUDGE_WITHOUT_LIBPQ").is_some_and(|value| value == "1") {
        println!("skipped: PGNUDGE_WITHOUT_LIBPQ=1");
        return None;
    }
    let oracle = ORACLE.get_or_init(|| Mutex::new(Oracle::start()));
    Some(oracle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

impl Oracle {
    /// Starts `oracle.c`, under the command in `PGNUDGE_LIBPQ_RUNNER` if there is
    /// one (the loader of another C library, for instance).
    fn start() -> Self {
        let program = compile();
        let runner = std::env::var("PGNUDGE_LIBPQ_RUNNER").unwrap_or_default();
        let words: Vec<_> = runner.split_whitespace().map(PathBuf::from).chain([program]).collect();
        let mut process = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // libpq's warnings about password files, which some tests provoke.
            .stderr(Stdio::null())
            .spawn()
            .expect("the oracle starts");
        let mut oracle = Self {
            requests: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            _process: process,
            major: 0,
        };
        let greeting = oracle.line();
        let version = greeting.strip_prefix("libpq ").and_then(|version| version.parse().ok());
        let version: u32 = version.unwrap_or_else(|| {
            panic!(
                "{greeting:?}: these tests compare with libpq. Install libpq5, or name the library \
                 in PGNUDGE_LIBPQ, or set PGNUDGE_WITHOUT_LIBPQ=1 to do without them."
            )
        });
        oracle.major = u8::try_from(version / 10_000).unwrap();
        oracle
    }

    /// Every keyword and its variable.
    pub(crate) fn keywords(&mut self) -> BTreeMap<String, Option<String>> {
        let answer = self.ask("keywords");
        let mut words = answer.split(' ').skip(1).map(str::to_owned);
        let mut keywords = BTreeMap::new();
        while let (Some(name), Some(variable)) = (words.next(), words.next()) {
            keywords.insert(name, (variable != "-").then_some(variable));
        }
        keywords
    }

    /// What `PQconninfoParse` says.
    pub(crate) fn parse(&mut self, text: &str) -> Answer {
        let answer = self.ask(&format!("parse {}", to_hex(text)));
        match answer.strip_prefix("error ") {
            Some(message) => Err(from_hex(message)),
            None => Ok(pairs(&answer)),
        }
    }

    /// What a connection is made of: the options in force, and `.host`, `.port`,
    /// `.user`, `.database`, `.password`, `.message` of the attempt.
    pub(crate) fn connect(&mut self, text: &str, variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut request = format!("connect {}", to_hex(text));
        for (name, value) in variables {
            request += &format!(" {name}={}", to_hex(value));
        }
        pairs(&self.ask(&request))
    }

    fn ask(&mut self, request: &str) -> String {
        writeln!(self.requests, "{request}").expect("the oracle listens");
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the oracle speaks");
        line.trim_end_matches('\n').to_owned()
    }
}

/// Under a name of its own until it is complete: a runner that gives each test a process has several at
/// work here at once, and a program that is being written cannot be started.
fn compile() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/libpq/oracle.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libpq-oracle");
    let unfinished = program.with_extension(std::process::id().to_string());
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let status = Command::new(&compiler)
        .args(["-Wall", "-Wextra", "-o"])
        .args([&unfinished, &source])
        .arg("-ldl")
        .status()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(status.success(), "{compiler} cannot compile {}", source.display());
    std::fs::rename(&unfinished, &program).unwrap();
    program
}

fn pairs(answer: &str) -> BTreeMap<String, String> {
    let words = answer.strip_prefix("ok").unwrap_or_else(|| panic!("{answer}"));
    let pairs = words.split(' ').filter(|word| !word.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap();
            (key.to_owned(), from_hex(value))
        })
        .collect()
}

fn to_hex(text: &str) -> String {
    text.bytes().fold("x".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Bytes that are no UTF-8 become replacement characters, which no test expects.
fn from_hex(hex: &str) -> String {
    let digits = hex.strip_prefix('x').unwrap();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let bytes: Vec<_> = (0..digits.len()).step_by(2).map(byte).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
