//! A headless Chromium, driven by the WebDriver protocol (W3C) through chromedriver.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::{PATIENCE, text};

/// What a page does in this time it does not do: longer than any test waits for a unit.
const SCRIPT_MILLIS: u128 = PATIENCE.as_millis();

/// A browser with one page.
pub(crate) struct Browser {
    driver: Child,
    // Kept open: chromedriver stops when it cannot print.
    _stdout: BufReader<ChildStdout>,
    address: String,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser with a profile of its own.
    pub(crate) async fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver starts; install chromium and chromium-driver");
        let mut stdout = BufReader::new(driver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "chromedriver ended");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').to_owned();
            }
        };
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self {
            driver,
            _stdout: stdout,
            address: format!("127.0.0.1:{port}"),
            session: String::new(),
            _profile: profile,
        };
        browser.open().await;
        browser
    }

    async fn open(&mut self) {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        let options = json!({"args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--hide-scrollbars", profile,
        ]});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": SCRIPT_MILLIS, "pageLoad": SCRIPT_MILLIS},
        }}});
        let session = self.call(Method::POST, "/session", &wanted).await;
        self.session = format!("/session/{}", text(&session["sessionId"]));
    }

    /// Loads a page.
    pub(crate) async fn go(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// The address of the page.
    pub(crate) async fn url(&self) -> String {
        text(&self.call(Method::GET, &self.of_session("/url"), &Json::Null).await).to_owned()
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&self, expression: &str) -> Json {
        let script = format!("return {expression}");
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Runs a script in the page.
    pub(crate) async fn run(&self, script: &str) {
        self.post("/execute/sync", json!({"script": script, "args": []})).await;
    }

    /// What a script in the page hands to its last argument.
    pub(crate) async fn run_async(&self, script: &str) -> Json {
        self.post("/execute/async", json!({"script": script, "args": []})).await
    }

    /// Waits, in the page, until an expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0]; \
             const look = () => ({expression}) ? done(true) : setTimeout(look, 20); look();"
        );
        self.post("/execute/async", json!({"script": script, "args": []})).await;
    }

    /// Clicks on the first element of a selector.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Clicks on the first element of a selector, and waits for the page it leads to.
    pub(crate) async fn follow(&self, selector: &str) {
        let here = self.url().await;
        self.click(selector).await;
        let there = self.url().await;
        assert_ne!(there, here, "{selector} leads nowhere");
    }

    /// Types into the first element of a selector.
    pub(crate) async fn type_into(&self, selector: &str, keys: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/value"), json!({ "text": keys })).await;
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        let press = |key: char| {
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        };
        let actions: Vec<Json> = keys.chars().flat_map(press).collect();
        let keyboard = json!([{"type": "key", "id": "keyboard", "actions": actions}]);
        self.post("/actions", json!({ "actions": keyboard })).await;
    }

    /// Sets the size of the page, the colour scheme a visitor prefers, and whether scripts run.
    pub(crate) async fn show(&self, width: u32, scheme: &str, scripts: bool) {
        let metrics = json!({
            "width": width, "height": 1_000, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", scheme).await;
        let scripts = json!({ "value": !scripts });
        self.devtools("Emulation.setScriptExecutionDisabled", scripts).await;
    }

    /// The whole page as PNG, in base64.
    pub(crate) async fn screenshot(&self) -> String {
        let options = json!({"format": "png", "captureBeyondViewport": true});
        let shot = self.devtools("Page.captureScreenshot", options).await;
        text(&shot["data"]).to_owned()
    }

    /// What the browser complained about since it was asked last: refused scripts, styles or
    /// requests, errors in scripts.
    pub(crate) async fn complaints(&self) -> Vec<Json> {
        let lines = self.post("/se/log", json!({"type": "browser"})).await;
        let lines = lines.as_array().unwrap().iter();
        lines.filter(|line| line["level"] == "SEVERE").cloned().collect()
    }

    async fn devtools(&self, command: &str, params: Json) -> Json {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": params})).await
    }

    async fn element(&self, selector: &str) -> String {
        let found =
            self.post("/element", json!({"using": "css selector", "value": selector})).await;
        let (_, element) = found.as_object().unwrap().iter().next().unwrap();
        text(element).to_owned()
    }

    fn of_session(&self, path: &str) -> String {
        format!("{}{path}", self.session)
    }

    async fn post(&self, path: &str, body: Json) -> Json {
        self.call(Method::POST, &self.of_session(path), &body).await
    }

    async fn call(&self, method: Method, path: &str, body: &Json) -> Json {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let bytes = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder().method(method).uri(path).header(HOST, &self.address);
        let request = request.body(Full::new(bytes)).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let mut answer: Json = serde_json::from_slice(&bytes).unwrap();
        assert!(status.is_success(), "{path} {body}: {answer}");
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser outlives chromedriver unless its session is ended; a failed test cannot wait
        // for a future.
        if let Ok(mut stream) = std::net::TcpStream::connect(&self.address) {
            let (session, address) = (&self.session, &self.address);
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = write!(stream, "DELETE {session} HTTP/1.1\r\nHost: {address}\r\n\r\n");
            let _ = stream.read(&mut [0; 1_024]);
        }
        crate::support::signal("-TERM", u64::from(self.driver.id()));
        let _ = self.driver.wait();
    }
}
