//! Under which names the bridge is served: a defence against DNS rebinding.
//!
//! A page of any origin may ask `http://evil.example:8080/events` when that name leads to this host; for the browser
//! it is the page's own origin, and no rule of CORS applies. What gives it away is the `Host` of its requests. So
//! without a token only names of this host are served. With one there is nothing to win: such a page does not know
//! the token, and a browser does not add it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pgnudge::Printable;

/// The names of this host.
pub(super) struct Hosts {
    /// The address that is listened on.
    pub(super) bound: IpAddr,
    /// Those that the user has listed.
    pub(super) listed: Vec<String>,
}

/// Lets a request through, or not (421, RFC 9110, section 15.5.20).
pub(super) async fn check(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let host = host(request.uri(), request.headers());
    if host.as_ref().is_some_and(|host| hosts.serve(host.host())) {
        return next.run(request).await;
    }
    let named = host.map(|host| host.host().to_owned()).unwrap_or_default();
    let words = format!(
        "this bridge is not served under the name \"{}\": use localhost or its address, or list the name with \
         --http-host\n",
        Printable(named)
    );
    (StatusCode::MISDIRECTED_REQUEST, words).into_response()
}

/// What a request asks for: the authority of its target, or else its one Host (RFC 9112, section 3.2).
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut named = headers.get_all(header::HOST).iter();
    let header = match (named.next(), named.next()) {
        (Some(value), None) => Some(Authority::try_from(value.as_bytes()).ok()?),
        (None, None) => None,
        (_, Some(_)) => return None,
    };
    uri.authority().cloned().or(header)
}

impl Hosts {
    fn serve(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            // Behind a listener on all addresses any may be ours, and no name leads to an address by itself.
            Ok(address) if address.is_loopback() || self.bound.is_unspecified() => true,
            Ok(address) if address == self.bound => true,
            _ => {
                let is = |name: &str| name.eq_ignore_ascii_case(host);
                is("localhost") || self.listed.iter().any(|name| is(name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_host_are_served() {
        let hosts = |bound: &str| Hosts { bound: bound.parse().unwrap(), listed: vec!["app.example".into()] };
        let serves = |bound, host| hosts(bound).serve(host);
        for host in
            ["localhost", "LocalHost", "localhost.", "127.0.0.1", "[::1]", "app.example", "APP.example"]
        {
            assert!(serves("127.0.0.1", host), "{host}");
        }
        for host in [
            "evil.example",
            "10.0.0.1",
            "",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "0.0.0.0",
            "a",
        ] {
            assert!(!serves("127.0.0.1", host), "{host}");
        }
        assert!(serves("10.0.0.1", "10.0.0.1") && !serves("10.0.0.1", "10.0.0.2"));
        assert!(serves("0.0.0.0", "10.0.0.1") && !serves("0.0.0.0", "evil.example"));
    }

    #[test]
    fn the_name_is_the_targets_or_the_one_host() {
        let check = |uri: &str, hosts: &[&str], expect: Option<&str>| {
            let mut headers = HeaderMap::new();
            for value in hosts {
                headers.append(header::HOST, value.parse().unwrap());
            }
            let found = host(&uri.parse().unwrap(), &headers).map(|host| host.host().to_owned());
            assert_eq!(found.as_deref(), expect, "{uri} {hosts:?}");
        };
        check("/events", &["localhost:80"], Some("localhost"));
        check("/events", &["[::1]:80"], Some("[::1]"));
        check("http://evil.example/events", &["localhost"], Some("evil.example"));
        check("/events", &["localhost", "evil.example"], None);
        check("/events", &["a b"], None);
        check("/events", &[], None);
    }
}
