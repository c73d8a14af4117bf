use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use nix::unistd::Pid;
use serde_json::{Value, json};
use thirtyfour::error::WebDriverResult;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};
use tokio::process::Command;

use crate::{Folder, PATIENCE, Program, report, tool};

/// What Chromium is told besides where its profile is: no window, no network
/// but ours, nothing that needs more rights than a container gives, and no
/// process in advance for a page to come.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-default-apps",
    "--hide-scrollbars",
    "--disable-features=SpareRendererForSitePerProcess",
];

/// What the page is looked at on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// 360 x 800.
    Phone,
    /// 1366 x 768.
    Laptop,
}

/// What the system is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// A headless Chromium with a profile of its own.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    /// Where chromedriver listens.
    port: u16,
    chromedriver: Program,
    _profile: Folder,
    _home: Option<Folder>,
}

/// Starts a driver, and says on which port. It asks the system for a free one
/// of IPv6 and takes the same of IPv4, which may be in use: then it ends.
async fn chromedriver(home: Option<&Folder>) -> (Program, u16) {
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        let mut command = Command::new(tool("CHROMEDRIVER"));
        command.arg("--port=0");
        if let Some(home) = home {
            command.env("HOME", home.path());
        }
        let mut program = Program::start(command);
        let port = program
            .after_if_any("ChromeDriver was started successfully on port ")
            .await;
        if let Some(port) = port {
            let port = port.trim_end_matches('.').parse().expect("a port");
            return (program, port);
        }
    }
    panic!("ChromeDriver has found no port in {TRIES} tries");
}

impl Browser {
    /// Starts one.
    pub async fn start(screen: Screen, theme: Theme) -> Browser {
        Browser::at_home(None, screen, theme).await
    }

    /// Starts one that trusts an authority, as if a person had imported it.
    ///
    /// # Panics
    /// If the authority cannot be imported.
    pub async fn trusting(cafile: &Path, screen: Screen, theme: Theme) -> Browser {
        let home = Folder::new();
        let folder = home.path().join(".pki/nssdb");
        fs::create_dir_all(&folder).expect("room for a folder");
        let database = format!("sql:{}", folder.display());
        let cafile = cafile.to_string_lossy();
        for arguments in [
            &["-N", "--empty-password"][..],
            &["-A", "-t", "C,,", "-n", "authority", "-i", &*cafile],
        ] {
            let mut command = Command::new(tool("E2E_CERTUTIL"));
            let output = command
                .args(["-d", &database])
                .args(arguments)
                .output()
                .await;
            assert!(
                output.as_ref().is_ok_and(|output| output.status.success()),
                "{command:?}: {output:?}"
            );
        }
        Browser::at_home(Some(home), screen, theme).await
    }

    async fn at_home(home: Option<Folder>, screen: Screen, theme: Theme) -> Browser {
        let (chromedriver, port) = chromedriver(home.as_ref()).await;
        let server = format!("http://127.0.0.1:{port}");
        let profile = Folder::new();
        let mut wanted = DesiredCapabilities::chrome();
        ok("the capabilities", async {
            wanted.set_binary(&tool("CHROMIUM").to_string_lossy())?;
            wanted.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
            wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
            FLAGS.iter().try_for_each(|flag| wanted.add_arg(flag))
        })
        .await;
        let driver = ok("Chromium", WebDriver::new(server, wanted)).await;
        ok(
            "a deadline for scripts",
            driver.set_script_timeout(2 * PATIENCE),
        )
        .await;
        // What is to be clicked may not be drawn yet.
        ok(
            "a deadline for what is looked for",
            driver.set_implicit_wait_timeout(PATIENCE),
        )
        .await;
        let browser = Browser {
            driver,
            port,
            chromedriver,
            _profile: profile,
            _home: home,
        };
        browser.look_at(screen, theme).await;
        browser
    }

    /// Changes the screen and the system's setting.
    pub async fn look_at(&self, screen: Screen, theme: Theme) {
        let (width, height, scale) = match screen {
            Screen::Phone => (360, 800, 2),
            Screen::Laptop => (1366, 768, 1),
        };
        let metrics = json!({
            "width": width,
            "height": height,
            "deviceScaleFactor": scale,
            "mobile": screen == Screen::Phone,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let theme = match theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        // Without motion, so that nothing is judged or drawn half way.
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Gives the pages that are opened from now on a clock that can be put
    /// ahead with [`Browser::advance`].
    pub async fn take_clock(&self) {
        let script = "{ const now = Date.now; let ahead = 0; \
             Date.now = () => now() + ahead; \
             globalThis.e2eAdvance = (ms) => { ahead += ms; }; }";
        self.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": script }),
        )
        .await;
    }

    /// Puts the page's clock ahead.
    pub async fn advance(&self, milliseconds: u32) {
        self.run("e2eAdvance(arguments[0])", &[milliseconds.into()])
            .await;
    }

    /// Opens a page in the window that is driven.
    pub async fn open(&self, url: &str) {
        ok(url, self.driver.goto(url)).await;
    }

    /// Opens a second window and drives that.
    pub async fn open_window(&self) {
        let window = ok("a window", self.driver.new_window()).await;
        ok("the window", self.driver.switch_to_window(window)).await;
    }

    /// Drives another of the windows, counted from 0 in the order of opening.
    pub async fn use_window(&self, number: usize) {
        let windows = ok("the windows", self.driver.windows()).await;
        ok(
            "the window",
            self.driver.switch_to_window(windows[number].clone()),
        )
        .await;
    }

    /// Runs a script and returns what it returns.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let answer = ok(script, self.driver.execute(script, arguments)).await;
        answer.json().clone()
    }

    /// Runs a script that calls its last argument with what is to be returned.
    pub async fn run_async(&self, script: &str, arguments: &[Value]) -> Value {
        let answer = ok(script, self.driver.execute_async(script, arguments)).await;
        answer.json().clone()
    }

    /// Clicks what a selector finds, as a person does: where it is to be seen.
    pub async fn click(&self, selector: &str) {
        let css = thirtyfour::By::Css(selector);
        ok(selector, async {
            self.driver.find(css).await?.click().await
        })
        .await;
    }

    /// Types into the field that a selector finds.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let css = thirtyfour::By::Css(selector);
        ok(selector, async {
            self.driver.find(css).await?.send_keys(text).await
        })
        .await;
    }

    /// What can be seen, as a PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        ok("a screenshot", self.driver.screenshot_as_png()).await
    }

    /// What Chromium has reported since this was last asked: exceptions, failed
    /// requests, violations of the Content-Security-Policy, `console.error`. Not
    /// that a WebSocket was given up before it was open: so does a page that is
    /// left, and a topic that is looked at for a moment only.
    pub async fn errors(&self) -> Vec<String> {
        let entries = ok("the console", self.driver.browser_log()).await;
        let bad = |level: &str| matches!(level, "SEVERE" | "WARNING");
        let given_up = "WebSocket is closed before the connection is established.";
        let bad = entries
            .into_iter()
            .filter(|entry| bad(&entry.level) && !entry.message.ends_with(given_up));
        bad.map(|entry| format!("{}: {}", entry.level, entry.message))
            .collect()
    }

    /// Waits for the next of [`Browser::errors`].
    pub async fn error(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let errors = self.errors().await;
            if !errors.is_empty() {
                return errors.join("\n");
            }
            assert!(Instant::now() < deadline, "Chromium has reported nothing");
        }
    }

    /// Opens a tab that is not driven, for a page of another site than the one
    /// that is: so it has a process of its own.
    pub async fn open_tab(&self, url: &str) {
        let script = "window.open(arguments[0], '_blank', 'noopener')";
        self.run(script, &[url.into()]).await;
    }

    /// The processes that pages run in.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    #[must_use]
    pub fn pages(&self) -> Vec<Pid> {
        let mut pages = Vec::new();
        let mut family = vec![self.chromedriver.id()];
        let children = children();
        while let Some(parent) = family.pop() {
            for id in children.get(&parent).into_iter().flatten() {
                family.push(*id);
                // It may be gone by now.
                let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
                if String::from_utf8_lossy(&line).contains("--type=renderer") {
                    pages.push(*id);
                }
            }
        }
        pages
    }

    /// Calls a method of the DevTools protocol, and returns what it returns.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        ok(method, self.driver.cdp().send_raw(method, parameters)).await
    }
}

/// All processes, by their parents.
fn children() -> HashMap<Pid, Vec<Pid>> {
    let mut children: HashMap<_, Vec<_>> = HashMap::new();
    for entry in fs::read_dir("/proc").expect("Linux has it").flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok());
        // After the name, which may have anything in it: state and parent.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let rest = stat.rsplit_once(") ").map(|(_, rest)| rest);
        let parent = rest.and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        if let (Some(id), Some(parent)) = (id, parent) {
            let (id, parent) = (Pid::from_raw(id), Pid::from_raw(parent));
            children.entry(parent).or_default().push(id);
        }
    }
    children
}

/// The end of the session is the end of Chromium, which would outlive
/// chromedriver. The library's own way waits for two minutes here, since the
/// test that waits for it is what would serve its connection.
impl Drop for Browser {
    fn drop(&mut self) {
        let id = self.driver.session_id().to_string();
        // Only says that the library has nothing to do any more.
        let _ = self.driver.clone().leak();
        if let Err(error) = end(self.port, &id) {
            report(&format!("a Chromium was not ended: {error}"));
        }
    }
}

fn end(port: u16, session: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n"
    )?;
    // The first byte of the answer comes when it is done.
    stream.read_exact(&mut [0])
}

async fn ok<T>(what: &str, outcome: impl Future<Output = WebDriverResult<T>>) -> T {
    outcome
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"))
}
