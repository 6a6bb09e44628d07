//! A headless Chromium with a profile of its own, driven by Debian's chromedriver.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel, TypingData};

use crate::worker_process::PATIENCE;

/// Between two looks at a page.
const PACE: Duration = Duration::from_millis(40);

/// A browser at a page of the sandbox.
pub(crate) struct Chromium {
    driver: WebDriver,
    process: Process,
    home: String,
    _profile: TempDir,
}

/// The driver and, in its process group, the browser.
struct Process(Child);

impl Chromium {
    /// Opens a browser; `home` is the address that paths belong to.
    pub(crate) async fn open(home: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (process, port) = Process::start(profile.path());
        let capabilities = capabilities(profile.path()).unwrap();
        // thirtyfour's own client would ask the environment for a proxy, and find no crypto provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
        let driver = WebDriver::builder(format!("http://127.0.0.1:{port}"), capabilities)
            .client(client.build().unwrap())
            .connect()
            .await
            .expect("chromedriver opens a browser");
        let browser = Self {
            driver,
            process,
            home: home.trim_end_matches('/').to_owned(),
            _profile: profile,
        };
        browser.look_like("light", 1280).await;
        browser
    }

    /// Asserts that the browser had nothing to complain of, and closes it.
    pub(crate) async fn close(self) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "the console: {complaints:#?}");
        self.driver.quit().await.unwrap();
        drop(self.process);
    }

    /// What the console shows since it was last asked.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.unwrap();
        log.into_iter().map(|entry| entry.message).collect()
    }

    /// Sets the colour scheme and the width of the view.
    pub(crate) async fn look_like(&self, scheme: &str, width: u32) {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", media).await;
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.command("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// The page as a PNG, from top to bottom.
    pub(crate) async fn picture(&self) -> String {
        let shot = json!({"format": "png", "captureBeyondViewport": false});
        let shot = self.command("Page.captureScreenshot", shot).await;
        shot["data"].as_str().expect("a picture").to_owned()
    }

    async fn command(&self, name: &str, parameters: Value) -> Value {
        let answer = self.driver.cdp().send_raw(name, parameters).await;
        answer.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) async fn go(&self, path: &str) {
        self.visit(&format!("{}{path}", self.home)).await;
    }

    /// Goes to any address.
    pub(crate) async fn visit(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// The path and query of the page.
    pub(crate) async fn address(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.home).unwrap().to_owned()
    }

    /// Clicks an element once it can be clicked.
    pub(crate) async fn click(&self, css: &str) {
        self.patiently(&format!("a click on {css}"), async || {
            let element = self.driver.find(By::Css(css)).await.ok()?;
            element.click().await.ok()
        })
        .await;
    }

    /// Chooses from a list by what it shows.
    pub(crate) async fn choose(&self, css: &str, label: &str) {
        let choose = "const [css, label] = arguments;
            const option = [...document.querySelector(css).options].find(o => o.text === label);
            option.parentElement.value = option.value;
            option.parentElement.dispatchEvent(new Event('change', {bubbles: true}));";
        self.run(choose, &[json!(css), json!(label)]).await;
    }

    /// Types into a field, after what is there.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        self.patiently(&format!("typing into {css}"), async || {
            let element = self.driver.find(By::Css(css)).await.ok()?;
            element.send_keys(text).await.ok()
        })
        .await;
    }

    /// Presses keys where the focus is.
    pub(crate) async fn press(&self, keys: impl Into<TypingData>) {
        let focused = self.driver.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }

    /// The texts of all elements that a selector finds.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        let read =
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())";
        let texts = self.run(read, &[json!(css)]).await;
        serde_json::from_value(texts).unwrap()
    }

    /// The text of the first element; empty where there is none.
    pub(crate) async fn text(&self, css: &str) -> String {
        let texts = self.texts(css).await;
        texts.into_iter().next().unwrap_or_default()
    }

    /// Runs a script in the page.
    pub(crate) async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let answer = self.driver.execute(script, arguments.to_vec()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{script}: {error}"));
        answer.json().clone()
    }

    /// Runs a script that ends by calling its last argument.
    pub(crate) async fn run_async(&self, script: &str) -> Value {
        let answer = self.driver.execute_async(script, Vec::new()).await;
        answer.unwrap().json().clone()
    }

    /// Waits until a page is as wanted.
    pub(crate) async fn eventually(&self, what: &str, condition: impl AsyncFn() -> bool) {
        self.patiently(what, async || condition().await.then_some(()))
            .await;
    }

    /// Waits until an element shows a text.
    pub(crate) async fn shows(&self, css: &str, text: &str) {
        let what = format!("{css} shows {text:?}");
        self.eventually(&what, async || {
            let texts = self.texts(css).await;
            texts.iter().any(|shown| shown.contains(text))
        })
        .await;
    }

    async fn patiently<T>(&self, what: &str, attempt: impl AsyncFn() -> Option<T>) -> T {
        let trying = async {
            loop {
                if let Some(outcome) = attempt().await {
                    return outcome;
                }
                tokio::time::sleep(PACE).await;
            }
        };
        if let Ok(outcome) = tokio::time::timeout(PATIENCE, trying).await {
            return outcome;
        }
        let (at, shown) = (self.address().await, self.text("body").await);
        panic!("not in time: {what}; at {at}:\n{shown}")
    }
}

fn capabilities(profile: &Path) -> WebDriverResult<ChromeCapabilities> {
    let mut capabilities = ChromeCapabilities::new();
    for argument in [
        "--headless=new",
        // Chromium's own sandbox does not start as root, nor in most containers.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-proxy-server",
        &format!("--user-data-dir={}", profile.display()),
    ] {
        capabilities.add_arg(argument)?;
    }
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    Ok(capabilities)
}

impl Process {
    /// Starts chromedriver on a free port, which it tells.
    fn start(home: &Path) -> (Self, u16) {
        use std::os::unix::process::CommandExt as _;
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", home)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts: install Debian's chromium and chromium-driver");
        let output = BufReader::new(process.stdout.take().unwrap());
        let process = Self(process);
        let mut lines = output.lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // Read on, so that what it says later blocks it never.
        std::thread::spawn(move || lines.for_each(drop));
        (process, port.expect("chromedriver tells its port"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(group) = i32::try_from(self.0.id()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.0.wait();
    }
}
