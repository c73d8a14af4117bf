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
pub(crate) struct Signals(Vec<(tokio::signal::unix::Signal, Asked)>);

#[cfg(unix)]
impl Signals {
    /// Watches for them.
    pub(crate) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
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
        Ok(Self(signals))
    }

    /// Sets `asked` in the moment in which SIGHUP comes, before `next` says so.
    #[expect(clippy::unused_self, reason = "it is one of what watches for them")]
    pub(crate) fn note_reload(&self, asked: Arc<AtomicBool>) -> std::io::Result<()> {
        signal_hook::flag::register(signal_hook::consts::SIGHUP, asked)?;
        Ok(())
    }

    /// What the next one asks for.
    pub(crate) async fn next(&mut self) -> Asked {
        std::future::poll_fn(|cx| {
            for (signal, asked) in &mut self.0 {
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

    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "it does something elsewhere"
    )]
    pub(crate) fn note_reload(&self, _: Arc<AtomicBool>) -> std::io::Result<()> {
        Ok(())
    }

    pub(crate) async fn next(&mut self) -> Asked {
        let _ = tokio::signal::ctrl_c().await;
        Asked::Stop
    }
}
