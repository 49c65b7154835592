//! A real browser, headless, driven by the W3C's WebDriver protocol: just enough of it to look at a page.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use pgnudge_testkit::{Program, wait_until};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::consumer::PATIENCE;
use crate::evidence::ensure;
use crate::{Failure, http};

/// A browser with one window. Dropping it kills the driver, and with its pipe the browser ends.
#[derive(Debug)]
pub(crate) struct Browser {
    _driver: Program,
    address: SocketAddr,
    session: String,
    profile: PathBuf,
}

impl Browser {
    /// Starts one.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let mut driver = Program::start(Command::new(DRIVER).arg("--port=0"))?;
        let port = loop {
            let line = driver.next_line(PATIENCE).await?;
            let word = line.split("on port ").nth(1).map(|rest| rest.trim_end_matches('.').to_owned());
            // Its first line repeats what it was asked for.
            if let Some(port) = word.and_then(|port| port.parse::<u16>().ok()).filter(|&port| port > 0) {
                break port;
            }
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let profile = std::env::temp_dir().join(format!("pgnudge-browser-{}-{port}", std::process::id()));
        let own = format!("--user-data-dir={}", profile.display());
        let arguments: Vec<_> = FLAGS.iter().copied().chain([own.as_str()]).collect();
        let options = json!({ "binary": BROWSER, "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let answer = ask(address, "POST", "/session", &wanted).await?;
        let session = answer["sessionId"].as_str().unwrap_or_default().to_owned();
        ensure!(!session.is_empty(), "no browser: {answer}");
        Ok(Self { _driver: driver, address, session, profile })
    }

    /// Goes to a page.
    pub(crate) async fn open(&self, url: &str) -> Result<(), Failure> {
        self.command("url", &json!({ "url": url })).await.map(drop)
    }

    /// Opens a page in one more tab, which is the one that is looked at from now on.
    pub(crate) async fn open_tab(&self, url: &str) -> Result<(), Failure> {
        let tab = self.command("window/new", &json!({ "type": "tab" })).await?;
        self.command("window", &json!({ "handle": tab["handle"] })).await?;
        self.open(url).await
    }

    /// Waits until an expression in the page is true.
    pub(crate) async fn until(&self, expression: &str) -> Result<(), Failure> {
        let script = json!({ "script": format!("return !!({expression})"), "args": [] });
        let look =
            async || Ok(self.command("execute/sync", &script).await.map_err(|failure| failure.to_string()));
        let _yes = wait_until(expression, PATIENCE, look, |seen| *seen == Ok(Value::Bool(true))).await?;
        Ok(())
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&self, expression: &str) -> Result<Value, Failure> {
        self.command("execute/sync", &json!({ "script": format!("return {expression}"), "args": [] })).await
    }

    /// Closes it.
    pub(crate) async fn quit(self) -> Result<(), Failure> {
        ask(self.address, "DELETE", &format!("/session/{}", self.session), &Value::Null).await.map(drop)
    }

    async fn command(&self, name: &str, body: &Value) -> Result<Value, Failure> {
        ask(self.address, "POST", &format!("/session/{}/{name}", self.session), body).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // What stays is in the system's own place for such things.
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = http::send(address, method, path, &["Content-Type: application/json"], &body).await?;
    ensure!(answer.status == 200, "{method} {path}: {} {}", answer.status, answer.body);
    let mut answer: Value = serde_json::from_str(&answer.body)?;
    Ok(answer["value"].take())
}

/// Why there is no browser here, if there is none.
pub(crate) fn missing() -> Option<String> {
    let absent = [BROWSER, DRIVER].into_iter().find(|program| !Path::new(program).is_file());
    absent.map(|program| format!("there is no {program}: apt-get install chromium chromium-driver"))
}

/// Where Debian has them.
const BROWSER: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";

/// No sandbox for root, no look at the outside; and a browser that ends with its driver.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
];
