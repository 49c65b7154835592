//! Reading texts: a corpus, and whatever proptest comes up with.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::compare::{agree, assert_agreement};
use crate::difference::DIFFERENCES;
use crate::oracle::oracle;
use pgnudge::settings::{ConnectionText, KEYWORDS};

/// Texts that go different ways through libpq's parser.
#[rustfmt::skip]
const CORPUS: &[&str] = &[
    // Every part of a URI there and missing.
    "postgres://", "postgresql://", "postgres:///", "postgres://?", "postgres:///?",
    "postgres://u@h:1/db", "postgres://u:pw@h:1/db", "postgres://u@h/db", "postgres://h:1/db",
    "postgres://h/db", "postgres://u@h:1/", "postgres://u@h/", "postgres://u@", "postgres://h:1",
    "postgres://h:1/", "postgres://h", "postgres://h/", "postgres:///db", "postgres://u@/db",
    "postgres://@h", "postgres://:@h", "postgres://:pw@h", "postgres://h:/", "postgres://:1/",
    "postgres://u:p:w@h", "postgres://h/a/b", "postgres://h/db#fragment", "postgres://h:1:2",
    "postgres://u:@h", "postgres://@", "postgres://@@abstract", "postgres://h?x@y",
    // Several hosts.
    "postgres://a,b", "postgres://a:1,b:2/db", "postgres://a,b:2", "postgres://a:1,b", "postgres://,",
    "postgres://a,,b/", "postgres://,:1", "postgres://[::1]:1,[::2]:2,h/db", "postgres://a%2Cb:1",
    "postgres://u:pw@a,b?port=1,2",
    // IPv6.
    "postgres://[::1]", "postgres://[::1]:1/db", "postgres://[::1]?port=1", "postgres://[zz]/",
    "postgres://[]", "postgres://[::1", "postgres://[::1]z", "postgres://[::1]é", "postgres://[::1]]",
    "postgres://[fe80::1%25eth0]", "postgres://[a/b]", "postgres://a[::1]", "postgres://[::1][::2]",
    // Percent-encoding.
    "postgres://%68ost/", "postgres://%2Fvar%2Frun/db", "postgres://h/%C3%A9", "postgres://é/é",
    "postgres://%zz", "postgres://%1", "postgres://%", "postgres://a%00b", "postgres://%61%3a%62@h",
    "postgres://u:%70%40w@h", "postgres://h?dbname=%XXfoo", "postgres://h?u%73er=x",
    "postgres://h?u%7aer=x", "postgres://h?%=x", "postgres://h?host=%2fa%26b", "postgres://h/%%",
    // Parameters.
    "postgres://?host=/dir", "postgres://:1?host=/dir", "postgres://u@:1/db?host=/dir",
    "postgres://h?hostaddr=127.0.0.1", "postgres://h/db?user=u&port=1", "postgres://h?host=other",
    "postgres://h?user=a&user=b", "postgres://h?user=", "postgres://h?user=a&", "postgres://h?&",
    "postgres://h?user=a&&port=1", "postgres://h?user", "postgres://h?a&b", "postgres://h?a=b=c",
    "postgres://h?=", "postgres://h?=x", "postgres://h?host=a?b", "postgres://h?options=-c%20a%3Db",
    "postgres://h?ssl=true", "postgres://h?ssl=false", "postgres://h?ssl=1", "postgres://h?ssl=",
    "postgres://h?SSL=true", "postgres://h?requiressl=1", "postgres://h?requiressl=no",
    "postgres://h?uzer=", "postgres://h?Host=x",
    // Spaces.
    "postgres:// h /db ", "postgres://h?port= 1 ", "postgres://h? port =1", "postgres://u p@h",
    "postgres://h /%20db%20", "postgres://a , b",
    // Other schemes.
    "postgre://", "POSTGRES://h", " postgres://h", "postgres:/h", "postgres:h", "http://h", "app",
    // key=value.
    "", " ", "\t\r\n\x0b\x0c", "host=a", " host = a ", "host=a port=1", "host='a'port=1", "host=",
    "host= port=1", "host=''", "host='' port=1", "user='a b'", "user='a\\'b'", "user=a\\ b",
    "user=a\\", "user='a\\", "user='a\\'", "user='", "user=a'b", "user=\\'a", "user='a\\\\'",
    "user=a\nhost=b", "user=a\x0bhost=b", "user=é", "user='é \\é'", "user=a=b", "=", "=a", "= a",
    "host", "host a", "host a=b", "host a =b", "host=a b", "host=a host=b", "uzer=a", "Host=a",
    "requiressl=1", "requiressl=10", "requiressl=0", "requiressl=", "requiressl", "ssl=true", "user=\u{a0}x",
    "'host'=a", "host=\"a\"", "password=correct horse host=h", "dbname=postgres://h/db",
];

#[test]
fn corpus() {
    let Some(mut oracle) = oracle() else { return };
    for text in CORPUS {
        assert_agreement(text, &mut oracle);
    }
}

#[test]
fn every_keyword_in_both_forms() {
    let Some(mut oracle) = oracle() else { return };
    for keyword in KEYWORDS {
        assert_agreement(&format!("{}='some value'", keyword.name), &mut oracle);
        assert_agreement(&format!("postgres://?{}=value", keyword.name), &mut oracle);
    }
}

#[test]
fn every_difference_shows() {
    let Some(mut oracle) = oracle() else { return };
    for difference in DIFFERENCES {
        let ours = ConnectionText::parse(difference.example);
        let theirs = oracle.parse(difference.example);
        let differs = !agree(&ours, &theirs);
        assert_eq!(differs, oracle.major < difference.until, "{}", difference.reason);
        assert!((difference.concerns)(difference.example, &ours), "{}", difference.reason);
    }
}

/// `docs/connecting.md` lists the differences that stay.
#[test]
fn every_lasting_difference_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/pages/connecting.md");
    let page = std::fs::read_to_string(path).expect(path);
    for difference in DIFFERENCES.iter().filter(|difference| difference.until == u8::MAX) {
        assert!(page.contains(&format!("\n- {}", difference.reason)), "{}", difference.reason);
    }
}

/// Up to twenty pieces, which are as likely to fit as not.
fn texts(start: &'static str, pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(pieces);
    proptest::collection::vec(piece, 0..20).prop_map(move |list| start.to_owned() + &list.concat())
}

fn check_generated(strategy: impl Strategy<Value = String>) {
    let Some(oracle) = oracle() else { return };
    let oracle = std::cell::RefCell::new(oracle);
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |text| {
        assert_agreement(&text, &mut oracle.borrow_mut());
        Ok(())
    });
    result.unwrap();
}

#[test]
fn generated_uris() {
    check_generated(texts(
        "postgres://",
        &[
            "u",
            "pw",
            "h",
            ":",
            ":",
            "@",
            "/",
            "/",
            "?",
            "?",
            "&",
            "&",
            "=",
            "=",
            "=",
            ",",
            "[",
            "]",
            "[::1]",
            "host",
            "port",
            "user",
            "sslmode",
            "ssl",
            "true",
            "requiressl",
            "1",
            "5432",
            "%68",
            "%40",
            "%",
            "%2",
            "%zz",
            "%00",
            "%ff",
            "%20",
            " ",
            "é",
            "'",
            "\\",
            "+",
            "#",
            "\n",
        ],
    ));
}

#[test]
fn generated_key_values() {
    check_generated(texts(
        "",
        &[
            "host",
            "port",
            "user",
            "password",
            "requiressl",
            "nope",
            "=",
            "=",
            "=",
            "=",
            " ",
            " ",
            "\t",
            "\n",
            "\x0b",
            "'",
            "'",
            "\\",
            "a",
            "b",
            "1",
            "é",
            "\\'",
            "\\\\",
            "''",
            "=''",
            "%20",
            "://",
        ],
    ));
}
