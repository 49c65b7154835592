//! Whether a server's certificate is made out to the host, by libpq's rules (manual, "SSL Support",
//! "Client Verification of Server Certificates"; `sslmode=verify-full`).
//!
//! TLS libraries have rules of their own: for an address they look at nothing but iPAddress names, and `*`
//! stands for letters, digits and hyphens. Here an address may also be written in a dNSName or the common
//! name, and `*` stands for anything but a dot. That a trusted authority signed the certificate is not
//! decided here.

use std::net::Ipv6Addr;

/// The names in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CertificateNames {
    /// Of the extension subjectAltName, in its order. Other kinds than these two count for nothing.
    pub(crate) alternative: Vec<AlternativeName>,
    /// The first common name of the subject.
    pub(crate) common: Option<Vec<u8>>,
}

/// A name of the extension subjectAltName, as its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(any(windows, target_vendor = "apple"), allow(dead_code, reason = "the library compares names"))]
pub(crate) enum AlternativeName {
    Dns(Vec<u8>),
    Address(Vec<u8>),
}

use AlternativeName::{Address, Dns};

impl CertificateNames {
    /// Compares the names with the host, one by one, up to the first that fits or that is malformed. The
    /// common name counts where there is no alternative name of the host's own kind.
    ///
    /// # Errors
    /// Why the certificate is not the host's.
    pub(crate) fn check(&self, host: &str) -> Result<(), String> {
        for name in &self.alternative {
            if name.is(host)? {
                return Ok(());
            }
        }
        let is_address = ipv4(host).is_some() || host.parse::<Ipv6Addr>().is_ok();
        let same_kind = |name: &AlternativeName| matches!(name, Address(_)) == is_address;
        if let Some(common) = &self.common
            && !self.alternative.iter().any(same_kind)
            && matches_name(common, host)?
        {
            return Ok(());
        }
        Err(format!(
            "the server's certificate is made out to {}, not to \"{}\"",
            self.words(),
            host.escape_debug()
        ))
    }

    fn words(&self) -> String {
        let names = self.alternative.iter().map(AlternativeName::words);
        let mut names =
            names.chain(self.common.iter().filter(|_| self.alternative.is_empty()).map(|name| quoted(name)));
        match (names.next(), names.count()) {
            (None, _) => "no name".into(),
            (Some(first), 0) => first,
            (Some(first), more) => format!("{first} and {more} more"),
        }
    }
}

impl AlternativeName {
    fn is(&self, host: &str) -> Result<bool, String> {
        match self {
            Dns(name) => matches_name(name, host),
            Address(bytes) => match bytes.len() {
                4 => Ok(ipv4(host).is_some_and(|address| address[..] == **bytes)),
                16 => Ok(host.parse::<Ipv6Addr>().is_ok_and(|address| address.octets()[..] == **bytes)),
                length => Err(format!("the server's certificate has an address of {length} bytes")),
            },
        }
    }

    fn words(&self) -> String {
        match self {
            Dns(name) => quoted(name),
            Address(bytes) => match (<[u8; 4]>::try_from(&**bytes), <[u8; 16]>::try_from(&**bytes)) {
                (Ok(v4), _) => std::net::Ipv4Addr::from(v4).to_string(),
                (_, Ok(v6)) => Ipv6Addr::from(v6).to_string(),
                _ => "no address".into(),
            },
        }
    }
}

/// A name of the certificate, which may begin with `*.`, against the host: letters of either case are one.
/// A zero byte would end the name for a program that is less careful.
fn matches_name(name: &[u8], host: &str) -> Result<bool, String> {
    if name.contains(&0) {
        return Err("a name in the server's certificate has a zero byte".into());
    }
    Ok(name.eq_ignore_ascii_case(host.as_bytes()) || matches_wildcard(name, host.as_bytes()))
}

/// `*.` and a suffix: the host is one label, of anything but a dot, and that suffix.
fn matches_wildcard(name: &[u8], host: &[u8]) -> bool {
    let Some(suffix) = name.strip_prefix(b"*").filter(|suffix| suffix.len() > 1 && suffix.starts_with(b"."))
    else {
        return false;
    };
    let Some((label, rest)) = host.len().checked_sub(suffix.len()).and_then(|at| host.split_at_checked(at))
    else {
        return false;
    };
    !label.is_empty() && !label.contains(&b'.') && rest.eq_ignore_ascii_case(suffix)
}

/// An IPv4 address in any form that `inet_aton` reads, which is what libpq and resolvers take for one: one to
/// four numbers, decimal, octal (`0…`) or hexadecimal (`0x…`), of which the last fills what is left.
fn ipv4(text: &str) -> Option<[u8; 4]> {
    let numbers: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, bytes) = numbers.split_last()?;
    let room = 32 - u32::try_from(bytes.len()).ok().filter(|&count| count <= 3)? * 8;
    if u64::from(*last) >> room != 0 || bytes.iter().any(|&byte| byte > 255) {
        return None;
    }
    let high = bytes.iter().zip([24, 16, 8]).map(|(byte, shift)| byte << shift);
    Some((high.sum::<u32>() | last).to_be_bytes())
}

fn number(text: &str) -> Option<u32> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (hexadecimal, text.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    // What `from_str_radix` would take beside digits is a sign.
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    u32::from_str_radix(digits, radix).ok().filter(|_| plain)
}

/// A name out of a certificate, which a peer may fill with anything, for an error.
fn quoted(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let short: String = text.chars().take(LONGEST_SHOWN).collect();
    format!("\"{}\"", short.escape_debug())
}

/// Characters of a name that an error shows; a host name has at most 253.
const LONGEST_SHOWN: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(common: Option<&str>, alternative: &[&str]) -> CertificateNames {
        let alternative = alternative.iter().map(|name| match name.split_once(':') {
            Some(("IP", address)) => match address.parse() {
                Ok(std::net::IpAddr::V4(v4)) => Address(v4.octets().into()),
                Ok(std::net::IpAddr::V6(v6)) => Address(v6.octets().into()),
                Err(error) => panic!("{address}: {error}"),
            },
            _ => Dns(name.as_bytes().into()),
        });
        CertificateNames { alternative: alternative.collect(), common: common.map(Into::into) }
    }

    /// What psql 17 takes of these hosts; it refuses the others. (The claim `names_are_matched_as_psql_does`
    /// asks it about a part of them each time.)
    #[test]
    fn names_are_matched_as_libpq_matches_them() {
        for (common, alternative, taken) in [
            (Some("db.example"), &[] as &[&str], vec!["db.example", "DB.Example"]),
            (Some("10.1.2.3"), &[], vec!["10.1.2.3"]),
            (None, &[], vec![]),
            (None, &["db.example"], vec!["db.example", "DB.Example"]),
            (Some("db.example"), &["other.example"], vec!["other.example"]),
            (Some("10.1.2.3"), &["db.example"], vec!["db.example", "DB.Example", "10.1.2.3"]),
            (Some("x.example"), &["10.1.2.3"], vec!["10.1.2.3"]),
            (Some("10.1.2.3"), &["IP:10.9.9.9"], vec!["10.9.9.9"]),
            (
                Some("db.example"),
                &["IP:10.1.2.3"],
                vec![
                    "db.example",
                    "DB.Example",
                    "10.1.2.3",
                    "10.1.515",
                    "0x0a.1.2.3",
                    "012.1.2.3",
                    "167838211",
                ],
            ),
            (None, &["*.db.example"], vec!["my_db.db.example", "MY-DB.Db.Example", "*.db.example"]),
            (Some("*.db.example"), &[], vec!["my_db.db.example", "MY-DB.Db.Example", "*.db.example"]),
            (None, &["*"], vec![]),
            (None, &["*.", "d*.example", "*b.example", "a.*.db.example", "*.*.db.example"], vec![]),
            (Some("first.example"), &[], vec!["first.example"]),
            (Some("::1"), &["IP:::1"], vec!["::1", "0:0:0:0:0:0:0:1"]),
            (Some("::1"), &["x.example"], vec!["::1"]),
            (
                None,
                &["first.example", "DB.EXAMPLE", "IP:10.9.9.9"],
                vec!["db.example", "DB.Example", "first.example", "10.9.9.9"],
            ),
            (None, &["db.example."], vec!["db.example."]),
            (
                None,
                &["*.1.2.3", "*.example"],
                vec![
                    "db.example",
                    "DB.Example",
                    "other.example",
                    "first.example",
                    "10.1.2.3",
                    "0x0a.1.2.3",
                    "012.1.2.3",
                ],
            ),
            (Some("10.1.515"), &["10.1.2.3"], vec!["10.1.2.3", "10.1.515"]),
        ] {
            let names = names(common, alternative);
            let ours: Vec<_> = HOSTS.into_iter().filter(|host| names.check(host).is_ok()).collect();
            assert_eq!(ours, taken, "{names:?}");
        }
    }

    const HOSTS: [&str; 19] = [
        "db.example",
        "DB.Example",
        "db.example.",
        "my_db.db.example",
        "MY-DB.Db.Example",
        "a.b.db.example",
        ".db.example",
        "*.db.example",
        "other.example",
        "first.example",
        "10.1.2.3",
        "10.1.515",
        "0x0a.1.2.3",
        "012.1.2.3",
        "167838211",
        "10.9.9.9",
        "::1",
        "0:0:0:0:0:0:0:1",
        "localhost",
    ];

    #[test]
    fn a_malformed_name_ends_the_search() {
        let mut malformed = names(Some("db.example"), &["db.example\0.attacker.example", "db.example"]);
        assert!(malformed.check("db.example").unwrap_err().contains("zero byte"));
        malformed.alternative = vec![Address(vec![10, 1, 2]), Dns(b"db.example".into())];
        assert!(malformed.check("db.example").unwrap_err().contains("3 bytes"));
        malformed.alternative.swap(0, 1);
        assert_eq!(malformed.check("db.example"), Ok(()), "what fits before it counts");
        assert!(names(Some("db.example\0"), &[]).check("db.example").is_err());
    }

    #[test]
    fn what_is_an_ipv4_address_is_as_inet_aton_says() {
        let check = |text, expect| assert_eq!(ipv4(text), expect, "{text}");
        let address = Some([127, 0, 0, 1]);
        for text in ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f.1", "0177.0.0.01", "0X7F000001"] {
            check(text, address);
        }
        check("0", Some([0; 4]));
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "1.2.3.4.5",
            "256.1",
            "1.2.3.256",
            "1.2.65536",
            "4294967296",
            "08.1",
            "+1",
            "0x.1",
            "1 ",
            "a",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn an_error_says_what_the_certificate_is_for_and_shows_no_control_characters() {
        let refused = |names: CertificateNames| names.check("x").unwrap_err();
        assert_eq!(
            refused(names(None, &[])),
            "the server's certificate is made out to no name, not to \"x\""
        );
        assert!(refused(names(Some("a"), &[])).contains("made out to \"a\", not"));
        assert!(
            refused(names(Some("a"), &["b", "IP:10.1.2.3"])).contains("made out to \"b\" and 1 more, not")
        );
        assert!(refused(names(None, &["IP:::1"])).contains("made out to ::1, not"));
        assert!(refused(names(None, &["\u{1b}[31m"])).contains("\"\\u{1b}[31m\""));
        assert!(refused(names(Some(&"a".repeat(5_000)), &[])).len() < 400);
    }
}
