//! Lists of hosts, addresses and ports.

use pgnudge::settings::MAX_HOSTS;

use crate::imagined::{refusal, resolve};

fn check(text: &str, expected: &[&str]) {
    let hosts: Vec<_> = resolve(text).hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, expected, "{text}");
}

#[test]
fn lists_are_matched_up() {
    check("host=a,b,c", &["a:5432", "b:5432", "c:5432"]);
    check("host=a,b port=1", &["a:1", "b:1"]);
    check("host=a,b port=1,2", &["a:1", "b:2"]);
    check("host=a,b port=,2", &["a:5432", "b:2"]);
    check("postgres://a:1,b,[::1]:3/db", &["a:1", "b:5432", "[::1]:3"]);
    check("host=a,,b", &["a:5432", "/tmp/.s.PGSQL.5432", "b:5432"]);
    check("hostaddr=10.0.0.1,::1 port=7", &["10.0.0.1:7", "[::1]:7"]);
    check("host=a,b hostaddr=10.0.0.1,10.0.0.2", &["a (10.0.0.1:5432)", "b (10.0.0.2:5432)"]);
    check("host=a,b hostaddr=10.0.0.1,", &["a (10.0.0.1:5432)", "b:5432"]);
    check("host=/run/pg,h port=1", &["/run/pg/.s.PGSQL.1", "h:1"]);
    check("postgres://%2Frun%2Fpg:1/db", &["/run/pg/.s.PGSQL.1"]);
}

#[test]
fn lists_that_do_not_fit_are_refused() {
    assert_eq!(refusal("host=a,b port=1,2,3"), "could not match 3 port numbers to 2 hosts");
    assert_eq!(refusal("port=1,2"), "could not match 2 port numbers to 1 hosts");
    assert_eq!(refusal("host=a,b hostaddr=::1"), "could not match 2 host names to 1 hostaddr values");
}

#[test]
fn the_number_of_hosts_is_limited() {
    let hosts = |number| format!("host={}", vec!["h"; number].join(","));
    assert_eq!(resolve(&hosts(MAX_HOSTS)).hosts.len(), MAX_HOSTS);
    assert_eq!(refusal(&hosts(MAX_HOSTS + 1)), "65 hosts are given; at most 64 are tried");
    assert!(refusal(&format!("host={}", ",".repeat(60_000))).starts_with("60001 hosts"));
}

#[test]
fn addresses_are_numeric() {
    for bad in ["localhost", "127.1", "fe80::1%eth0", "[::1]", "10.0.0.1 "] {
        let message = refusal(&format!("hostaddr='{bad}'"));
        assert!(message.starts_with(&format!("invalid hostaddr value {bad:?}")), "{message}");
    }
}

#[test]
fn the_bad_entry_of_a_list_is_named() {
    assert!(refusal("host=a,b port=1,99999").contains("\"99999\""));
    assert!(refusal("hostaddr=::1,x").contains("\"x\""));
}

#[test]
fn socket_paths_have_a_longest_length() {
    let longest = if cfg!(target_os = "linux") { 107 } else { 103 };
    let directory = |length| format!("/{}", "d".repeat(length - "//.s.PGSQL.5432".len()));
    resolve(&format!("host={}", directory(longest)));
    let message = refusal(&format!("host={}", directory(longest + 1)));
    assert!(message.contains(&format!("at most {longest} bytes")), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn abstract_sockets_start_with_an_at() {
    use pgnudge::settings::Endpoint;

    let host = &resolve("host=@pg").hosts[0];
    assert_eq!(host.endpoint, Endpoint::Socket { directory: "@pg".into() });
    assert_eq!(host.socket_path(), Some("\0pg/.s.PGSQL.5432".into()));
}
