//! Who may listen: a bearer token (RFC 6750), and origins whose pages may ask (CORS).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;
use tower_http::cors::{Any, CorsLayer};

use crate::bridge::arguments::HttpArguments;
use crate::bridge::http::query;
use crate::failure::Failure;

/// The token that has to be known, if any.
pub(super) struct Access(Option<Token>);

enum Token {
    Fixed(String),
    /// It is read for each request: so a new token counts, and the old one does not, without a restart.
    File {
        path: PathBuf,
        last: Mutex<String>,
    },
}

impl Access {
    /// Who can reach the address can listen: so one that others reach needs a token, or the word that
    /// it is meant.
    pub(super) fn new(address: SocketAddr, arguments: &HttpArguments) -> Result<Self, Failure> {
        let token = match (&arguments.http_token, &arguments.http_token_file) {
            (Some(token), _) => Some(Token::Fixed(token.expose().trim().to_owned())),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Failure::configuration(format!("{}: {error}", path.display()), "check --http-token-file")
                })?;
                Some(Token::File { path: path.clone(), last: Mutex::new(text.trim().to_owned()) })
            }
            (None, None) => None,
        };
        if token.as_ref().is_some_and(|token| token.last().is_empty()) {
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
    async fn admits(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let Some(token) = &self.0 else { return true };
        let token = token.current().await;
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if let Some((_, given)) = bearer {
            return same(given.trim().as_bytes(), token.as_bytes());
        }
        let query = uri.query().unwrap_or_default();
        let given = query::values(query, "access_token").next();
        given.is_some_and(|given| given.is_ok_and(|given| same(given.as_bytes(), token.as_bytes())))
    }
}

impl Token {
    /// What it was when it was read last.
    fn last(&self) -> String {
        match self {
            Self::Fixed(token) => token.clone(),
            Self::File { last, .. } => last.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// What it is now. A file that is being replaced, is empty or does not answer says what it said last.
    async fn current(&self) -> String {
        if let Self::File { path, last } = self
            && let Ok(Ok(text)) = timeout(PATIENCE, tokio::fs::read_to_string(path)).await
            && !text.trim().is_empty()
        {
            text.trim().clone_into(&mut last.lock().unwrap_or_else(PoisonError::into_inner));
        }
        self.last()
    }
}

/// Lets a request through, or not.
pub(super) async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if access.admits(request.headers(), request.uri()).await {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], "a token is needed\n").into_response()
}

/// For the file.
const PATIENCE: Duration = Duration::from_secs(1);

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

    async fn admits(access: &Access, uri: &str, header: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        access.admits(&headers, &uri.parse().unwrap()).await
    }

    #[tokio::test]
    async fn only_who_knows_the_token_comes_in() {
        let access = Access(Some(Token::Fixed("se cret".into())));
        for (uri, header) in [
            ("/events", Some("Bearer se cret")),
            ("/events", Some("bearer se cret")),
            ("/events?table=a.b&access_token=se+cret", None),
            ("/events?access_token=se%20cret", None),
        ] {
            assert!(admits(&access, uri, header).await, "{uri} {header:?}");
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
            assert!(!admits(&access, uri, header).await, "{uri} {header:?}");
        }
        assert!(admits(&Access(None), "/events", None).await);
    }

    #[tokio::test]
    async fn a_token_in_a_file_may_be_replaced() {
        let path = std::env::temp_dir().join(format!("pgnudge-token-{}", std::process::id()));
        let access = Access(Some(Token::File { path: path.clone(), last: Mutex::new("old".into()) }));
        let admitted = async || {
            let mut admitted = Vec::new();
            for token in ["old", "new"] {
                admitted.push(admits(&access, "/events", Some(&format!("Bearer {token}"))).await);
            }
            admitted
        };
        assert_eq!(admitted().await, [true, false], "there is no file, and was one");
        std::fs::write(&path, "new\n").unwrap();
        assert_eq!(admitted().await, [false, true]);
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(admitted().await, [false, true], "an empty file opens no door, and closes none");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(admitted().await, [false, true]);
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
