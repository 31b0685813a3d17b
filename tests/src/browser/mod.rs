//! A real browser without a window, driven through its own protocol: what a test does in it is what a reader does.
//!
//! Chromium, from the distribution. Everything that a page asks the network for and everything that it complains about is kept.

mod pipe;

use crate::process::Process;
use crate::wait::wait_for;
use anyhow::{Context, Result, anyhow, ensure};
use pipe::Pipe;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a page may take for anything a test asks of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Scrolling, and what moves because charts are drawn anew, is over when a place is the same after this time.
const A_FRAME_OR_SOME: Duration = Duration::from_millis(150);

/// Names that distributions give it.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// No first-run pages, no updates, no look-ups of its own: whatever goes to the network is the page's.
const ARGUMENTS: [&str; 12] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
];

/// A browser with one tab.
#[derive(Debug)]
pub struct Browser {
    pipe: Pipe,
    session: String,
    /// Where a picture of the window's size is wanted.
    size: (u32, u32),
    // Ended before its profile is removed.
    process: Process,
    _profile: TempDir,
}

/// Where a browser is on this machine, if there is one.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path);
    places
        .flat_map(|place| NAMES.map(|name| place.join(name)))
        .find(|program| program.is_file())
}

impl Browser {
    /// Starts `program` with a window of that size.
    ///
    /// # Errors
    /// When it does not start, or does not answer.
    pub fn start(program: &Path, width: u32, height: u32) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        // The protocol is spoken on the file descriptors 3 and 4, which a shell can make of a pipe.
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null",
                "sh",
            ])
            .arg(program)
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command, Vec::new())?;
        let mut pipe = Pipe::of(&mut process)?;
        let target = pipe.ask(
            None,
            "Target.createTarget",
            &json!({ "url": "about:blank" }),
        )?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = pipe.ask(None, "Target.attachToTarget", &attach)?;
        let session = attached["sessionId"].as_str().context("no session")?;
        let mut browser = Self {
            pipe,
            session: session.to_owned(),
            size: (width, height),
            process,
            _profile: profile,
        };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}))?;
        }
        browser.resize(width, height)?;
        Ok(browser)
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value> {
        self.pipe.ask(Some(&self.session), method, &params)
    }

    /// Opens a file from disk and waits until it is there.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub fn open(&mut self, file: &Path) -> Result<()> {
        let url = format!("file://{}", file.canonicalize()?.display());
        self.ask("Page.navigate", json!({ "url": url }))?;
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")
    }

    /// The value of an expression in the page.
    ///
    /// # Errors
    /// When it throws.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", params)?;
        match answer.get("exceptionDetails") {
            None => Ok(answer["result"]["value"].clone()),
            Some(thrown) => Err(anyhow!("{expression}: {thrown}")),
        }
    }

    /// The text of an expression in the page.
    ///
    /// # Errors
    /// When it throws or is no text.
    pub fn text(&mut self, expression: &str) -> Result<String> {
        let value = self.evaluate(expression)?;
        let text = value
            .as_str()
            .with_context(|| format!("{expression} is {value}"))?;
        Ok(text.to_owned())
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// When it throws, or does not become true.
    pub fn wait_for(&mut self, expression: &str) -> Result<()> {
        wait_for(expression, PATIENCE, || {
            let is_true = self.evaluate(expression)? == json!(true);
            Ok(is_true.then_some(()))
        })
    }

    /// The middle of an element, in the window; the page is scrolled to it, and stands still.
    ///
    /// # Errors
    /// When there is none.
    pub fn middle_of(&mut self, selector: &str) -> Result<(f64, f64)> {
        let mut last = self.middle_now(selector)?;
        wait_for("the page to stand still", PATIENCE, || {
            std::thread::sleep(A_FRAME_OR_SOME);
            let before = std::mem::replace(&mut last, self.middle_now(selector)?);
            Ok((before == last).then_some(last))
        })
    }

    fn middle_now(&mut self, selector: &str) -> Result<(f64, f64)> {
        let quoted = serde_json::to_string(selector)?;
        let found = self.evaluate(&format!(
            "(() => {{ const found = document.querySelector({quoted}); if (!found) return null; \
             found.scrollIntoView({{ block: 'center', behavior: 'instant' }}); const box = found.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ))?;
        let at = |index: usize| found[index].as_f64();
        at(0)
            .zip(at(1))
            .with_context(|| format!("no element {selector}"))
    }

    /// Moves the pointer.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn point(&mut self, x: f64, y: f64) -> Result<()> {
        self.mouse("mouseMoved", x, y, "none", 0)
    }

    /// Presses and releases the button at a place.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn click(&mut self, x: f64, y: f64) -> Result<()> {
        self.point(x, y)?;
        self.mouse("mousePressed", x, y, "left", 1)?;
        self.mouse("mouseReleased", x, y, "left", 1)
    }

    /// Drags from one place to another.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn drag(&mut self, from: (f64, f64), to: (f64, f64)) -> Result<()> {
        self.point(from.0, from.1)?;
        self.mouse("mousePressed", from.0, from.1, "left", 1)?;
        for step in 1..=8 {
            let part = f64::from(step) / 8.0;
            let x = from.0 + (to.0 - from.0) * part;
            let y = from.1 + (to.1 - from.1) * part;
            self.mouse("mouseMoved", x, y, "left", 0)?;
        }
        self.mouse("mouseReleased", to.0, to.1, "left", 1)
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64, button: &str, clicks: u32) -> Result<()> {
        let held = u32::from(button == "left" && kind != "mouseReleased");
        let params = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": held, "clickCount": clicks });
        self.ask("Input.dispatchMouseEvent", params).map(drop)
    }

    /// Presses a key, by its name: `ArrowRight`, `Tab`, `+`.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn key(&mut self, key: &str) -> Result<()> {
        // Keys that do something of their own have a code; others are their text.
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = match key {
            "Enter" => "\r",
            _ if code > 0 => "",
            other => other,
        };
        let kind = if text.is_empty() {
            "rawKeyDown"
        } else {
            "keyDown"
        };
        let down = json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
        self.ask("Input.dispatchKeyEvent", down)?;
        let up = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code });
        self.ask("Input.dispatchKeyEvent", up).map(drop)
    }

    /// Gives the window another size.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn resize(&mut self, width: u32, height: u32) -> Result<()> {
        self.size = (width, height);
        let params =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", params)
            .map(drop)
    }

    /// Lets the system prefer dark colours, or light ones.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn prefer(&mut self, scheme: &str) -> Result<()> {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .map(drop)
    }

    /// Switches the page's scripts off or on, from the next page on.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn scripts(&mut self, are_on: bool) -> Result<()> {
        let params = json!({ "value": !are_on });
        self.ask("Emulation.setScriptExecutionDisabled", params)
            .map(drop)
    }

    /// A picture of the window, or of the whole page, as base64 of a PNG.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn picture(&mut self, is_whole: bool) -> Result<String> {
        let params = json!({ "format": "png", "captureBeyondViewport": is_whole });
        if !is_whole {
            let answer = self.ask("Page.captureScreenshot", params)?;
            return base64(&answer);
        }
        let (width, height) = self.size;
        let whole = self.evaluate("document.documentElement.scrollHeight")?;
        let whole = whole.as_u64().and_then(|height| u32::try_from(height).ok());
        self.resize(width, whole.unwrap_or(height))?;
        // One frame later everything has its place.
        self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
        )?;
        let answer = self.ask("Page.captureScreenshot", params)?;
        self.resize(width, height)?;
        base64(&answer)
    }

    /// The page on paper, as base64 of a PDF.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn pdf(&mut self) -> Result<String> {
        let answer = self.ask("Page.printToPDF", json!({ "printBackground": false }))?;
        base64(&answer)
    }

    /// Addresses that were asked for since the begin, files on disk not counted.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let events = self.pipe.events.iter();
        events
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .filter_map(|event| event["params"]["request"]["url"].as_str())
            .filter(|url| !url.starts_with("file:"))
            .map(str::to_owned)
            .collect()
    }

    /// Files on disk that were asked for since the begin.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let events = self.pipe.events.iter();
        events
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .filter_map(|event| event["params"]["request"]["url"].as_str())
            .filter(|url| url.starts_with("file:"))
            .map(str::to_owned)
            .collect()
    }

    /// Exceptions, errors and warnings on the console, violations of the page's policy.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => ["error", "warning", "assert"]
                .iter()
                .any(|kind| event["params"]["type"] == *kind),
            Some("Log.entryAdded") => event["params"]["entry"]["level"] != "verbose",
            _ => false,
        };
        let events = self.pipe.events.iter().filter(is_complaint);
        events.map(|event| event["params"].to_string()).collect()
    }

    /// Roles of what takes input and has no name in the tree that a screen reader gets.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn nameless(&mut self) -> Result<Vec<String>> {
        const TAKES_INPUT: [&str; 9] = [
            "application",
            "button",
            "checkbox",
            "combobox",
            "link",
            "searchbox",
            "slider",
            "textbox",
            "treeitem",
        ];
        let tree = self.ask("Accessibility.getFullAXTree", json!({}))?;
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let role = |node: &Value| {
            node["role"]["value"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let is_nameless = |node: &Value| {
            let takes_input = TAKES_INPUT.contains(&role(node).as_str()) && node["ignored"] != true;
            takes_input
                && node["name"]["value"]
                    .as_str()
                    .is_none_or(|name| name.trim().is_empty())
        };
        ensure!(
            nodes.len() > 100,
            "only {} nodes in the accessibility tree",
            nodes.len()
        );
        Ok(nodes
            .iter()
            .filter(|node| is_nameless(node))
            .map(role)
            .collect())
    }

    /// Ends it, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not end.
    pub fn close(mut self) -> Result<()> {
        // It may be gone before it answers.
        let _ = self.pipe.ask(None, "Browser.close", &json!({}));
        let status = self.process.wait(PATIENCE)?;
        ensure!(status.success(), "the browser ended with {status}");
        Ok(())
    }
}

fn base64(answer: &Value) -> Result<String> {
    let data = answer["data"].as_str().context("no data in the answer")?;
    Ok(data.to_owned())
}
