//! Who may listen: a bearer token (RFC 6750), and origins whose pages may ask (CORS).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{Any, CorsLayer};

use crate::bridge::arguments::HttpArguments;
use crate::bridge::http::query;
use crate::failure::Failure;

/// The token that has to be known, if any.
pub(super) struct Access(Option<String>);

impl Access {
    /// Who can reach the address can listen: so one that others reach needs a token, or the word that
    /// it is meant.
    pub(super) fn new(address: SocketAddr, arguments: &HttpArguments) -> Result<Self, Failure> {
        let token = match (&arguments.http_token, &arguments.http_token_file) {
            (Some(token), _) => Some(token.expose().to_owned()),
            (None, Some(path)) => Some(std::fs::read_to_string(path).map_err(|error| {
                Failure::because(format!("{}: {error}", path.display()), "check --http-token-file")
            })?),
            (None, None) => None,
        };
        let token = token.map(|token| token.trim().to_owned());
        if token.as_deref() == Some("") {
            return Err(Failure::configuration(
                "the HTTP token is empty",
                "give one, or leave the option out",
            ));
        }
        if token.is_none() && !address.ip().is_loopback() && !arguments.http_no_token {
            return Err(Failure::configuration(
                format!("{address} can be reached from other hosts, and there is no token"),
                "give --http-token-file, listen on 127.0.0.1, or say --http-no-token",
            ));
        }
        Ok(Self(token))
    }

    /// Whether there is one.
    pub(super) fn has_token(&self) -> bool {
        self.0.is_some()
    }

    /// `Authorization: Bearer …`; or `access_token` in the query, for EventSource cannot send headers.
    fn admits(&self, request: &Request) -> bool {
        let Some(token) = &self.0 else { return true };
        let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if let Some((_, given)) = bearer {
            return same(given.trim().as_bytes(), token.as_bytes());
        }
        let query = request.uri().query().unwrap_or_default();
        let given = query::values(query, "access_token").next();
        given.is_some_and(|given| given.is_ok_and(|given| same(given.as_bytes(), token.as_bytes())))
    }
}

/// Lets a request through, or not.
pub(super) async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if access.admits(&request) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], "a token is needed\n").into_response()
}

/// What browsers are told about pages of other origins: nothing, unless somebody asked for it.
pub(super) fn cors(origins: &[String]) -> Result<CorsLayer, Failure> {
    let layer = CorsLayer::new().allow_methods([Method::GET]).allow_headers([
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::HeaderName::from_static("last-event-id"),
    ]);
    if origins.iter().any(|origin| origin == "*") {
        return Ok(layer.allow_origin(Any));
    }
    let origins = origins.iter().map(|origin| {
        let well_formed = origin.contains("://") && !origin.ends_with('/');
        let value = HeaderValue::from_str(origin).ok().filter(|_| well_formed);
        value.ok_or_else(|| {
            Failure::because(
                format!("{origin:?} is not an origin"),
                "write https://example.org, without a path",
            )
        })
    });
    Ok(layer.allow_origin(origins.collect::<Result<Vec<_>, _>>()?))
}

/// Takes equally long wherever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(uri: &str, header: Option<&str>) -> Request {
        let request = Request::builder().uri(uri);
        let request =
            header.into_iter().fold(request, |request, value| request.header("authorization", value));
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn only_who_knows_the_token_comes_in() {
        let access = Access(Some("se cret".into()));
        for (uri, header) in [
            ("/events", Some("Bearer se cret")),
            ("/events", Some("bearer se cret")),
            ("/events?table=a.b&access_token=se+cret", None),
            ("/events?access_token=se%20cret", None),
        ] {
            assert!(access.admits(&request(uri, header)), "{uri} {header:?}");
        }
        for (uri, header) in [
            ("/events", None),
            ("/events", Some("Bearer ")),
            ("/events", Some("Bearer se cret2")),
            ("/events", Some("Basic se cret")),
            ("/events?access_token=", None),
            ("/events?access_token=se+cres", None),
            ("/events?token=se+cret", None),
        ] {
            assert!(!access.admits(&request(uri, header)), "{uri} {header:?}");
        }
        assert!(Access(None).admits(&request("/events", None)));
    }

    #[test]
    fn origins_have_a_scheme_and_no_path() {
        assert!(cors(&["https://a.example".into(), "http://localhost:3000".into()]).is_ok());
        assert!(cors(&["*".into()]).is_ok() && cors(&[]).is_ok());
        for origin in ["a.example", "https://a.example/", "null\n"] {
            assert!(cors(&[origin.into()]).is_err(), "{origin}");
        }
    }
}
