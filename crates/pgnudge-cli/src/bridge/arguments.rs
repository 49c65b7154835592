//! What the command line can say about a bridge.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use crate::arguments::{FeedArguments, duration};
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
    pub(crate) notify_dsn: Option<String>,
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
    pub(crate) http_token: Option<String>,
    /// The same, read from a file
    #[arg(long, value_name = "FILE", conflicts_with = "http_token")]
    pub(crate) http_token_file: Option<PathBuf>,
    /// Serve other hosts without a token: whoever reaches the address may listen
    #[arg(long)]
    pub(crate) http_no_token: bool,
    /// Pages of this origin may listen, or of any: "*" (repeatable)
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    pub(crate) cors_origins: Vec<String>,
    /// Clients at the same time; the next one is told to come back later
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) http_max_subscribers: usize,
    /// A comment is sent on a quiet event stream this often, so that nothing in between closes it
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s")]
    pub(crate) http_heartbeat: Duration,
}

/// A port alone is one of this host's.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.trim_start_matches(':').parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let named = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    if let Some(port) = named {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    text.parse().map_err(|_| "write 8080, 127.0.0.1:8080 or [::1]:8080".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
