//! Chromium, driven by its DevTools protocol.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket, connect};

use crate::bench::FLAGS;
use crate::process::{Interrupted, Running, stopping};
use crate::tools::system;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a trace that are read at once.
const CHUNK: u32 = 1 << 20;

/// What a trace is to say: when messages come and commands go, how long events
/// take until they are seen, and what becomes of each frame.
const CATEGORIES: &str = "-*,devtools.timeline,disabled-by-default-devtools.timeline.frame";

/// A browser with one page.
pub(super) struct Chromium {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    calls: u64,
    /// What the page has complained about.
    errors: Vec<String>,
    /// Events that somebody may wait for.
    events: Vec<(String, Value)>,
    _running: Running,
}

/// What a page is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// 1366 x 768.
    Laptop,
    /// 360 x 800, touched, with a quarter of this machine's speed.
    Phone,
}

impl Screen {
    pub(super) const ALL: [Screen; 2] = [Screen::Laptop, Screen::Phone];

    pub(super) fn name(self) -> &'static str {
        match self {
            Screen::Laptop => "laptop",
            Screen::Phone => "phone",
        }
    }
}

impl Chromium {
    /// Starts one with a new profile in this folder, and an empty page.
    pub(super) fn start(profile: &Path) -> Result<Chromium> {
        if profile.exists() {
            fs::remove_dir_all(profile)
                .with_context(|| format!("cannot remove {}", profile.display()))?;
        }
        let (chromium, _) = system::browser()?;
        let mut command = Command::new(chromium);
        command
            .args(FLAGS)
            .args(["--remote-debugging-port=0", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut running = Running::start(&mut command)?;
        let url = address(profile, &mut running)?;
        let (socket, _) = connect(url).context("Chromium lets nobody drive it")?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE))?;
        }
        let mut chromium = Chromium {
            socket,
            session: None,
            calls: 0,
            errors: Vec::new(),
            events: Vec::new(),
            _running: running,
        };
        let target = chromium.call("Target.createTarget", json!({ "url": "about:blank" }))?;
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = chromium.call("Target.attachToTarget", target)?;
        chromium.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Performance"] {
            chromium.call(&format!("{domain}.enable"), json!({}))?;
        }
        // Each time as if it was the first.
        chromium.call("Network.setCacheDisabled", json!({ "cacheDisabled": true }))?;
        Ok(chromium)
    }

    /// What is looked at from now on.
    pub(super) fn look_at(&mut self, screen: Screen) -> Result<()> {
        let is_phone = screen == Screen::Phone;
        let (width, height, scale, slower) = match screen {
            Screen::Laptop => (1366, 768, 1, 1),
            Screen::Phone => (360, 800, 2, 4),
        };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone });
        self.call("Emulation.setDeviceMetricsOverride", metrics)?;
        self.call(
            "Emulation.setTouchEmulationEnabled",
            json!({ "enabled": is_phone }),
        )?;
        self.call("Emulation.setCPUThrottlingRate", json!({ "rate": slower }))?;
        Ok(())
    }

    /// What the system is set to, `light` or `dark`; without motion, so that
    /// nothing is judged half way.
    pub(super) fn prefer(&mut self, theme: &str) -> Result<()> {
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.call("Emulation.setEmulatedMedia", features)?;
        Ok(())
    }

    /// What the system is set to when nobody sets anything.
    pub(super) fn prefer_nothing(&mut self) -> Result<()> {
        self.call("Emulation.setEmulatedMedia", json!({ "features": [] }))?;
        Ok(())
    }

    /// Has this run in each page before the page's own scripts.
    pub(super) fn prepare(&mut self, script: &str) -> Result<()> {
        let source = json!({ "source": script });
        self.call("Page.addScriptToEvaluateOnNewDocument", source)?;
        Ok(())
    }

    /// Opens a page anew.
    pub(super) fn open(&mut self, url: &str) -> Result<()> {
        for url in ["about:blank", url] {
            self.events.clear();
            self.call("Page.navigate", json!({ "url": url }))?;
            self.wait_for("Page.loadEventFired")?;
        }
        Ok(())
    }

    /// What an expression is, awaited when it is a promise.
    pub(super) fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let given = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
            "allowUnsafeEvalBlockedByCSP": true,
        });
        let mut answer = self.call("Runtime.evaluate", given)?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{expression}: {}", thrown["exception"]["description"]);
        }
        Ok(answer["result"]["value"].take())
    }

    /// Waits until an expression is true.
    pub(super) fn until(&mut self, expression: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(&format!("!!({expression})"))? != Value::Bool(true) {
            if stopping() {
                return Err(Interrupted.into());
            }
            ensure!(Instant::now() < deadline, "{expression} does not come true");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Taps or clicks on the middle of what a selector finds.
    pub(super) fn tap(&mut self, selector: &str, screen: Screen) -> Result<()> {
        let script = format!(
            "(() => {{ const box = document.querySelector({selector:?}).getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2] }})()"
        );
        let at = self.evaluate(&script)?;
        if screen == Screen::Phone {
            let points = json!([{ "x": at[0], "y": at[1] }]);
            for (kind, points) in [("touchStart", points), ("touchEnd", json!([]))] {
                let touch = json!({ "type": kind, "touchPoints": points });
                self.call("Input.dispatchTouchEvent", touch)?;
            }
        } else {
            for kind in ["mousePressed", "mouseReleased"] {
                let click = json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
                self.call("Input.dispatchMouseEvent", click)?;
            }
        }
        Ok(())
    }

    /// Bytes in use after everything that can be freed was freed: JavaScript's,
    /// and WebAssembly's memory.
    pub(super) fn heap(&mut self) -> Result<f64> {
        for _ in 0..2 {
            self.call("HeapProfiler.collectGarbage", json!({}))?;
        }
        let heap = self.call("Runtime.getHeapUsage", json!({}))?;
        let given = json!({ "expression": "WebAssembly.Memory.prototype" });
        let prototype = self.call("Runtime.evaluate", given)?;
        let given =
            json!({ "prototypeObjectId": prototype["result"]["objectId"], "objectGroup": "heap" });
        let memories = self.call("Runtime.queryObjects", given)?;
        let given = json!({
            "objectId": memories["objects"]["objectId"], "returnByValue": true,
            "functionDeclaration": "function () { return this.reduce((sum, one) => sum + one.buffer.byteLength, 0) }",
        });
        let wasm = self.call("Runtime.callFunctionOn", given)?;
        self.call(
            "Runtime.releaseObjectGroup",
            json!({ "objectGroup": "heap" }),
        )?;
        let (script, wasm) = (&heap["usedSize"], &wasm["result"]["value"]);
        let both = script.as_f64().zip(wasm.as_f64());
        both.map(|(script, wasm)| script + wasm)
            .context("Chromium does not say what its heap is")
    }

    /// Seconds for which the page's own thread was at work so far.
    pub(super) fn busy(&mut self) -> Result<f64> {
        let answer = self.call("Performance.getMetrics", json!({}))?;
        let metrics = answer["metrics"].as_array().map_or(&[][..], Vec::as_slice);
        let found = metrics.iter().find(|metric| metric["name"] == "ThreadTime");
        found
            .and_then(|metric| metric["value"].as_f64())
            .context("Chromium does not say how busy it is")
    }

    /// Records what happens while `what` goes on.
    pub(super) fn trace(
        &mut self,
        what: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Vec<Value>> {
        let session = self.session.take();
        let config = json!({ "transferMode": "ReturnAsStream", "categories": CATEGORIES });
        self.call("Tracing.start", config)?;
        self.session.clone_from(&session);
        let done = what(self);
        self.session = None;
        self.call("Tracing.end", json!({}))?;
        let complete = self.wait_for("Tracing.tracingComplete")?;
        let mut text = String::new();
        loop {
            let given = json!({ "handle": complete["stream"], "size": CHUNK });
            let chunk = self.call("IO.read", given)?;
            text.push_str(chunk["data"].as_str().unwrap_or_default());
            if chunk["eof"] != Value::Bool(false) {
                break;
            }
        }
        self.call("IO.close", json!({ "handle": complete["stream"] }))?;
        self.session = session;
        done?;
        let mut trace: Value = serde_json::from_str(&text).context("the trace is no JSON")?;
        match trace["traceEvents"].take() {
            Value::Array(events) => Ok(events),
            _ => bail!("the trace has no events"),
        }
    }

    /// What the page has complained about since this was last asked.
    pub(super) fn errors(&mut self) -> Vec<String> {
        std::mem::take(&mut self.errors)
    }

    fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.calls += 1;
        let id = self.calls;
        let mut request = json!({ "id": id, "method": method });
        request["params"] = params;
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(request.to_string()))?;
        loop {
            let mut message = self.next()?;
            if message["id"] == id {
                let error = &message["error"]["message"];
                ensure!(error.is_null(), "{method}: {error}");
                return Ok(message["result"].take());
            }
            self.note(message);
        }
    }

    fn wait_for(&mut self, event: &str) -> Result<Value> {
        loop {
            if let Some(at) = self.events.iter().position(|(name, _)| name == event) {
                return Ok(self.events.swap_remove(at).1);
            }
            let message = self.next()?;
            self.note(message);
        }
    }

    fn next(&mut self) -> Result<Value> {
        loop {
            if stopping() {
                return Err(Interrupted.into());
            }
            let message = self.socket.read().context("Chromium does not answer")?;
            if let Message::Text(text) = message {
                return Ok(serde_json::from_str(&text)?);
            }
        }
    }

    fn note(&mut self, mut message: Value) {
        let params = message["params"].take();
        let error = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => Some(params["exceptionDetails"].to_string()),
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => {
                Some(params["args"].to_string())
            }
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                Some(params["entry"]["text"].to_string())
            }
            Some(name @ ("Page.loadEventFired" | "Tracing.tracingComplete")) => {
                self.events.push((name.to_owned(), params));
                None
            }
            _ => None,
        };
        self.errors.extend(error);
    }
}

/// Where a browser that has just been started listens.
fn address(profile: &Path, running: &mut Running) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let file = profile.join("DevToolsActivePort");
    loop {
        if let Ok(text) = fs::read_to_string(&file)
            && let Some((port, path)) = text.trim_end().split_once('\n')
        {
            return Ok(format!("ws://127.0.0.1:{port}{path}"));
        }
        if stopping() {
            return Err(Interrupted.into());
        }
        ensure!(running.ended()?.is_none(), "Chromium does not start");
        ensure!(Instant::now() < deadline, "Chromium says no port");
        thread::sleep(Duration::from_millis(20));
    }
}
