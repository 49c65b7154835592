//! What the command line can say about a bridge.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::Authority;
use clap::{ArgGroup, Args, ValueEnum};

use crate::arguments::{FeedArguments, Secret, duration};
use crate::bridge::notification::Channel;

/// A feed, and where it goes to.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("outlets").args(["channel", "http"]).required(true).multiple(true))]
pub(crate) struct BridgeArguments {
    #[command(flatten)]
    pub(crate) feed: FeedArguments,
    #[command(flatten)]
    pub(crate) notify: NotifyArguments,
    #[command(flatten)]
    pub(crate) http: HttpArguments,
    /// Be one of several bridges of which one is active: the others wait for its advisory lock
    #[arg(long)]
    pub(crate) ha: bool,
    /// What the bridges of one group have in common [default: the channel, or "bridge"]
    #[arg(long, value_name = "NAME", requires = "ha")]
    pub(crate) ha_name: Option<String>,
}

/// NOTIFY.
#[derive(Debug, Args)]
pub(crate) struct NotifyArguments {
    /// NOTIFY this channel: one notification per table with its name, "*" for a resync
    #[arg(long = "notify", value_name = "CHANNEL")]
    pub(crate) channel: Option<Channel>,
    /// Notify in another database, or on another server [default: where the feed is]
    #[arg(long, value_name = "DSN", requires = "channel")]
    pub(crate) notify_dsn: Option<Secret>,
    /// What the notifications say
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "channel")]
    pub(crate) format: Format,
}

/// The payload of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// schema.table (with the payload pk schema.table:key), or * for a resync
    Text,
    /// The item as `pgnudge watch --output json` prints it, split where it is too long
    Json,
}

/// HTTP.
#[derive(Debug, Args)]
pub(crate) struct HttpArguments {
    /// Serve events, metrics and a status page here: PORT on this host alone, or ADDRESS:PORT
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) http: Option<SocketAddr>,
    /// Clients have to know this: "Authorization: Bearer TOKEN", or ?access_token=TOKEN
    #[arg(long, value_name = "TOKEN", env = "PGNUDGE_HTTP_TOKEN", hide_env_values = true)]
    pub(crate) http_token: Option<Secret>,
    /// The same, read from a file
    #[arg(long, value_name = "FILE", conflicts_with = "http_token")]
    pub(crate) http_token_file: Option<PathBuf>,
    /// Serve other hosts without a token: whoever reaches the address may listen
    #[arg(long)]
    pub(crate) http_no_token: bool,
    /// Pages of this origin may listen, or of any: "*" (repeatable)
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    pub(crate) cors_origins: Vec<String>,
    /// Without a token: also serve requests for this name of the bridge (repeatable), beside localhost and the
    /// address that it listens on
    #[arg(long = "http-host", value_name = "NAME", value_parser = host)]
    pub(crate) http_hosts: Vec<String>,
    /// Where another bridge of the group serves, such as http://db2:8080 (repeatable): on standby this bridge sends
    /// clients there
    #[arg(long = "http-peer", value_name = "URL", value_parser = peer, requires = "http")]
    pub(crate) http_peers: Vec<String>,
    /// Event streams at the same time; the next one is told to come back later. Fewer where the limit of open
    /// files leaves room for fewer
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) http_max_subscribers: usize,
    /// A comment is sent on a quiet event stream this often, so that nothing in between closes it
    #[arg(long, value_name = "TIME", value_parser = heartbeat, default_value = "15s")]
    pub(crate) http_heartbeat: Duration,
}

/// A port alone is one of this host's.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.trim_start_matches(':').parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let named = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    if let Some(port) = named {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    text.parse().map_err(|_| "write 8080, 127.0.0.1:8080 or [::1]:8080".to_owned())
}

/// A name as the Host of a request has it, without a port.
fn host(text: &str) -> Result<String, &'static str> {
    let authority: Result<Authority, _> = text.parse();
    let plain = authority.ok().filter(|authority| authority.host() == text && !text.is_empty());
    plain.map(|_| text.to_ascii_lowercase()).ok_or("write app.example, without scheme, port or path")
}

/// A place that a person or a program can go to.
fn peer(text: &str) -> Result<String, &'static str> {
    let uri: Result<Uri, _> = text.parse();
    let known =
        uri.ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    let plain = known
        .filter(|uri| uri.query().is_none() && uri.authority().is_some_and(|a| !a.as_str().contains('@')));
    plain
        .map(|_| text.trim_end_matches('/').to_owned())
        .ok_or("write http://db2:8080, without user and query")
}

/// Often enough for what closes quiet connections, and not so often that it is a load.
fn heartbeat(text: &str) -> Result<Duration, String> {
    let heartbeat = duration(text)?;
    let allowed = Duration::from_millis(100)..=Duration::from_secs(3600);
    if allowed.contains(&heartbeat) { Ok(heartbeat) } else { Err("write a time from 100ms to 1h".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_neither_a_load_nor_too_late() {
        assert_eq!(heartbeat("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(heartbeat("1h"), Ok(Duration::from_secs(3600)));
        for text in ["0", "99ms", "3601s", "584554531years", "soon"] {
            assert!(heartbeat(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_peer_is_a_place_without_secrets() {
        assert_eq!(peer("http://db2:8080/").as_deref(), Ok("http://db2:8080"));
        assert_eq!(peer("https://a.example/nudges").as_deref(), Ok("https://a.example/nudges"));
        for text in [
            "",
            "db2:8080",
            "javascript:alert(1)",
            "http://u:p@db2",
            "http://db2/?access_token=x",
            "http:///x",
        ] {
            assert!(peer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_of_the_bridge_is_a_host_alone() {
        for text in ["app.example", "db", "10.0.0.1", "[::1]"] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for text in ["", "https://app.example", "app.example:80", "app.example/x", "a b", "u@h"] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_alone_is_on_this_host() {
        for text in ["8080", ":8080", "localhost:8080", "127.0.0.1:8080"] {
            assert_eq!(
                address(text).map(|address| address.to_string()),
                Ok("127.0.0.1:8080".into()),
                "{text}"
            );
        }
        assert_eq!(address("[::]:80").map(|address| address.ip().is_loopback()), Ok(false));
        for text in ["", "http://x", "db:80", "99999"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
