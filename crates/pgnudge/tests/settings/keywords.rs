//! Every keyword does what its decision says, from a text and from its variable.

use std::time::Duration;

use pgnudge::settings::{
    AuthMethod, ChannelBinding, ConnectTimeout, Decision, Environment, KEYWORDS, Keepalive, LoadBalanceHosts,
    Password, RootCertificates, Settings, SslMode, SslNegotiation, TargetSessionAttrs, TlsVersion,
};

use crate::imagined::{Imagined, refusal, resolve, resolve_in};

/// A value of a keyword, and what it makes true that was not.
type Effect = (&'static str, &'static str, fn(&Settings) -> bool);

#[rustfmt::skip]
const EFFECTS: &[Effect] = &[
    ("service", "prod", |s| s.user == "from prod"),
    ("servicefile", "/other.conf", |s| s.user == "from other"),
    ("user", "bob", |s| s.user == "bob" && s.database == "bob"),
    ("password", "pw", |s| s.hosts[0].password.as_ref().map(Password::reveal) == Some("pw")),
    ("passfile", "/pass", |s| s.hosts[0].password.as_ref().map(Password::reveal) == Some("file")),
    ("channel_binding", "require", |s| s.channel_binding == ChannelBinding::Require),
    ("connect_timeout", "3", |s| {
        s.connect_timeout == Some(ConnectTimeout::After(Duration::from_secs(3)))
    }),
    ("dbname", "app", |s| s.database == "app"),
    ("host", "db.example", |s| s.hosts[0].to_string() == "db.example:5432"),
    ("hostaddr", "10.0.0.1", |s| s.hosts[0].to_string() == "10.0.0.1:5432"),
    ("port", "5433", |s| s.hosts[0].port == 5433),
    ("options", "-c geqo=off", |s| s.options.as_deref() == Some("-c geqo=off")),
    ("application_name", "cache", |s| s.application_name.as_deref() == Some("cache")),
    ("fallback_application_name", "cache", |s| s.application_name.as_deref() == Some("cache")),
    ("keepalives", "0", |s| s.tcp.keepalive.is_none()),
    ("keepalives_idle", "7", |s| {
        s.tcp.keepalive.is_some_and(|k| k.idle == Some(Duration::from_secs(7)))
    }),
    ("keepalives_interval", "7", |s| {
        s.tcp.keepalive.is_some_and(|k| k.interval == Some(Duration::from_secs(7)))
    }),
    ("keepalives_count", "7", |s| s.tcp.keepalive.is_some_and(|k| k.count == Some(7))),
    ("tcp_user_timeout", "7", |s| s.tcp.user_timeout == Some(Duration::from_millis(7))),
    ("sslmode", "require", |s| s.tls.mode == SslMode::Require),
    ("sslnegotiation", "direct", |s| s.tls.negotiation == SslNegotiation::Direct),
    ("sslcert", "/cert", |s| s.tls.client.as_ref().is_some_and(|c| c.certificate.ends_with("cert"))),
    ("sslkey", "/key", |s| s.tls.client.as_ref().is_some_and(|c| c.key.ends_with("key"))),
    ("sslpassword", "pw", |s| {
        s.tls.client.as_ref().and_then(|c| c.password.as_ref()).map(Password::reveal) == Some("pw")
    }),
    ("sslrootcert", "system", |s| s.tls.roots == RootCertificates::System),
    ("sslsni", "0", |s| !s.tls.sni),
    ("requirepeer", "alice", |s| s.require_peer.as_ref().is_some_and(|peer| peer.id == 1000)),
    ("require_auth", "!password", |s| !s.require_auth.permits(AuthMethod::Password)),
    ("ssl_min_protocol_version", "TLSv1.3", |s| s.tls.min_version == Some(TlsVersion::V1_3)),
    ("ssl_max_protocol_version", "TLSv1.2", |s| s.tls.max_version == Some(TlsVersion::V1_2)),
    ("target_session_attrs", "primary", |s| s.target_session_attrs == TargetSessionAttrs::Primary),
    ("load_balance_hosts", "random", |s| s.load_balance_hosts == LoadBalanceHosts::Random),
];

/// What a keyword needs beside it to have an effect.
fn company(keyword: &str) -> &'static str {
    match keyword {
        "servicefile" => "service=other ",
        "sslnegotiation" => "sslmode=require ",
        "sslcert" => "host=h sslkey=/key ",
        "sslkey" => "host=h sslcert=/cert ",
        "sslpassword" => "host=h sslcert=/cert sslkey=/key ",
        _ => "",
    }
}

fn environment() -> Environment {
    Imagined::new()
        .file("/home/alice/.pg_service.conf", 0o644, "[prod]\nuser=from prod\n[other]\n")
        .file("/other.conf", 0o644, "[other]\nuser=from other\n")
        .file("/pass", 0o600, "*:*:*:*:file\n")
        .file("/cert", 0o644, "")
        .file("/key", 0o600, "")
        .environment()
}

fn without(keyword: &str) -> Option<Settings> {
    let text = company(keyword).replace("sslkey=/key ", "").replace("sslcert=/cert ", "");
    Settings::resolve(&text, &environment()).ok().map(|resolved| resolved.settings)
}

#[test]
fn honoured_keywords_have_an_effect() {
    for (keyword, value, effect) in EFFECTS {
        let text = format!("{}{keyword}='{value}'", company(keyword));
        assert!(effect(&resolve_in(&text, &environment()).settings), "{text}");
        assert!(!without(keyword).is_some_and(|settings| effect(&settings)), "{keyword}");
    }
}

#[test]
fn every_honoured_keyword_is_in_that_list() {
    for keyword in KEYWORDS {
        let honoured = matches!(keyword.decision, Decision::Honoured | Decision::HonouredSecret);
        let listed = EFFECTS.iter().any(|(name, ..)| *name == keyword.name);
        assert_eq!(honoured, listed, "{}", keyword.name);
    }
}

#[test]
fn a_variable_does_what_its_keyword_does() {
    for (name, value, effect) in EFFECTS {
        let keyword = KEYWORDS.iter().find(|keyword| keyword.name == *name).unwrap();
        if let Some(variable) = keyword.variable {
            let environment = environment().with_variable(variable, value);
            assert!(effect(&resolve_in(company(name), &environment).settings), "{variable}");
        }
    }
}

#[test]
fn refused_keywords_are_errors_that_say_why() {
    for keyword in KEYWORDS {
        let text = |value: &str| format!("{}='{value}'", keyword.name);
        match keyword.decision {
            Decision::Only(allowed, reason) => {
                for value in allowed {
                    resolve(&text(value));
                }
                assert!(refusal(&text("other")).contains(reason), "{}", keyword.name);
            }
            Decision::Harmless(_) => assert_eq!(resolve(&text("anything")), resolve("")),
            Decision::Refused(reason) | Decision::RefusedSecret(reason) => {
                assert_eq!(resolve(&text("")), resolve(""));
                assert!(refusal(&text("x")).contains(reason), "{}", keyword.name);
            }
            _ => {}
        }
    }
}

#[test]
fn a_refused_variable_is_named() {
    let environment = environment().with_variable("PGSSLCRL", "/crl");
    let message = crate::imagined::refusal_in("", &environment);
    assert_eq!(
        message,
        "unsupported sslcrl value \"/crl\" from the environment variable PGSSLCRL: \
         the TLS library offers no revocation lists"
    );
}

#[test]
fn client_certificates_can_be_switched_off() {
    let home = "/home/alice/.postgresql";
    let environment = Imagined::new()
        .file(&format!("{home}/postgresql.crt"), 0o644, "")
        .file(&format!("{home}/postgresql.key"), 0o600, "")
        .environment();
    let client = |text| resolve_in(text, &environment).settings.tls.client;
    assert!(client("host=h").is_some());
    assert!(client("host=h sslcertmode=allow").is_some());
    assert!(client("host=h sslcertmode=disable").is_none());
}

#[test]
fn bad_values_name_keyword_value_and_what_is_allowed() {
    let check = |keyword: &str, value: &str, allowed: &str| {
        let message = refusal(&format!("{keyword}='{value}'"));
        let start = format!("invalid {keyword} value {value:?} from the connection text: ");
        assert!(message.starts_with(&start), "{message}");
        assert!(message.ends_with(&format!("allowed is {allowed}")), "{message}");
    };
    check("sslmode", "on", "disable, allow, prefer, require, verify-ca, verify-full");
    check("sslnegotiation", "", "postgres, direct");
    check("channel_binding", "on", "disable, prefer, require");
    check("target_session_attrs", "rw", "any, read-write, read-only, primary, standby, prefer-standby");
    check("load_balance_hosts", "1", "disable, random");
    check("sslsni", "yes", "1, 0");
    check("ssl_min_protocol_version", "TLS1.2", "TLSv1, TLSv1.1, TLSv1.2, TLSv1.3");
    check("ssl_max_protocol_version", "SSLv3", "TLSv1, TLSv1.1, TLSv1.2, TLSv1.3");
    check("connect_timeout", "10s", "an integer");
    check("connect_timeout", "", "an integer");
    check("connect_timeout", "2147483648", "an integer");
    check("keepalives", "on", "an integer");
    check("keepalives_idle", "1.5", "an integer");
    check("tcp_user_timeout", "1 s", "an integer");
    check("port", "70000", "1 to 65535");
    check("port", "-1", "1 to 65535");
    check("requirepeer", "nobody", "a user in /etc/passwd");
    check("require_auth", "md5,md5", "a list that names each method once");
    check("require_auth", "md5,!password", "a list of methods that are all or none of them negated");
    check("require_auth", "!password,md5", "a list of methods that are all or none of them negated");
    check(
        "require_auth",
        "trust",
        "a list of password, md5, gss, sspi, scram-sha-256, oauth, none, or of all these negated by !",
    );
}

#[test]
fn numbers_below_one_mean_the_default() {
    let timeout = |value| resolve(&format!("connect_timeout={value}")).connect_timeout;
    assert_eq!(timeout("0"), Some(ConnectTimeout::Unlimited));
    assert_eq!(timeout("-5"), Some(ConnectTimeout::Unlimited));
    assert_eq!(resolve("").connect_timeout, None);
    let tcp = resolve("keepalives_idle=0 keepalives_interval=-1 keepalives_count=0 keepalives=' 1 '").tcp;
    assert_eq!(tcp.keepalive, Some(Keepalive::default()));
    assert!(resolve("keepalives=-1").tcp.keepalive.is_some());
    assert_eq!(resolve("tcp_user_timeout=0").tcp.user_timeout, None);
}

#[test]
fn required_methods() {
    let methods = |text| resolve(text).require_auth.methods().to_vec();
    assert_eq!(methods("").len(), 7);
    assert_eq!(methods("require_auth=").len(), 7);
    assert_eq!(methods("require_auth=scram-sha-256"), [AuthMethod::ScramSha256]);
    assert_eq!(methods("require_auth=none,gss"), [AuthMethod::Gss, AuthMethod::None]);
    assert_eq!(methods("require_auth=!password,!md5,!none").len(), 4);
    for hopeless in ["gss", "sspi,oauth", "!password,!md5,!scram-sha-256,!none"] {
        assert!(refusal(&format!("require_auth={hopeless}")).starts_with("unsupported require_auth"));
    }
}

#[test]
fn application_names() {
    let name = |text| resolve(text).application_name;
    assert_eq!(name("").as_deref(), Some("pgnudge"));
    assert_eq!(name("fallback_application_name=f").as_deref(), Some("f"));
    assert_eq!(name("application_name=a fallback_application_name=f").as_deref(), Some("a"));
    assert_eq!(name("application_name='' fallback_application_name=f"), None);
    assert_eq!(name("fallback_application_name=''"), None);
}

#[test]
fn tls_versions() {
    let versions = |text| {
        let tls = resolve(text).tls;
        (tls.min_version, tls.max_version)
    };
    assert_eq!(versions(""), (Some(TlsVersion::V1_2), None));
    assert_eq!(versions("ssl_min_protocol_version=''"), (None, None));
    assert_eq!(versions("ssl_min_protocol_version=tlsv1"), (Some(TlsVersion::V1_0), None));
    let message = refusal("ssl_max_protocol_version=TLSv1.1");
    assert_eq!(message, "ssl_min_protocol_version is above ssl_max_protocol_version");
}
