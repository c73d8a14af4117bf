use std::sync::Arc;
use std::sync::atomic::AtomicBool;
#[cfg(unix)]
use std::task::Poll;

/// What a signal asks for.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(unix),
    expect(dead_code, reason = "there are no such signals elsewhere")
)]
pub(crate) enum Asked {
    /// SIGINT or SIGTERM, or Ctrl-C: stop.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR1: store what has changed.
    Store,
    /// SIGUSR2: say what there is.
    Report,
    /// SIGRTMIN: open the log files again.
    Reopen,
}

/// The signals that come from now on.
#[cfg(unix)]
pub(crate) struct Signals {
    signals: Vec<(tokio::signal::unix::Signal, Asked)>,
    reload_asked: Arc<AtomicBool>,
}

#[cfg(unix)]
impl Signals {
    /// Watches for them.
    pub(crate) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let reload_asked = Arc::<AtomicBool>::default();
        // What is registered first is called first: the flag is set when tokio
        // learns of the signal. The other way round it could be set again after
        // the reload has begun, and nobody would take it back.
        signal_hook::flag::register(signal_hook::consts::SIGHUP, reload_asked.clone())?;
        let mut signals = vec![
            (signal(SignalKind::terminate())?, Asked::Stop),
            (signal(SignalKind::interrupt())?, Asked::Stop),
            (signal(SignalKind::hangup())?, Asked::Reload),
            (signal(SignalKind::user_defined1())?, Asked::Store),
            (signal(SignalKind::user_defined2())?, Asked::Report),
        ];
        #[cfg(target_os = "linux")]
        {
            let first = SignalKind::from_raw(nix::libc::SIGRTMIN());
            signals.push((signal(first)?, Asked::Reopen));
        }
        Ok(Self {
            signals,
            reload_asked,
        })
    }

    /// Is set in the moment in which SIGHUP comes, before `next` says so.
    pub(crate) fn reload_asked(&self) -> Arc<AtomicBool> {
        self.reload_asked.clone()
    }

    /// What the next one asks for.
    pub(crate) async fn next(&mut self) -> Asked {
        std::future::poll_fn(|cx| {
            for (signal, asked) in &mut self.signals {
                if signal.poll_recv(cx).is_ready() {
                    return Poll::Ready(*asked);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Ctrl-C, where there is no more.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "it is one of them elsewhere")]
    pub(crate) fn reload_asked(&self) -> Arc<AtomicBool> {
        Arc::default()
    }

    pub(crate) async fn next(&mut self) -> Asked {
        let _ = tokio::signal::ctrl_c().await;
        Asked::Stop
    }
}
