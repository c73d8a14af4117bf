//! A bridge's life: it connects, is connected, and waits to connect again.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::Plan;
use super::back_off::BackOff;
use super::dial::{answers, dial};
use super::link::{End, Link, Probe};
use super::local::{Local, Taken};
use super::terms::Terms;
use crate::config::{Address, Start};
use crate::log::{debug, error, information, notice, warning};
use crate::sessions::Command;

/// How often it is looked whether the first address answers again.
const LOOK_FOR_FIRST: Duration = Duration::from_secs(5);

/// One bridge.
#[derive(Debug)]
pub(super) struct Task {
    local: Local,
    plan: Arc<Plan>,
    taken: Option<Taken>,
    terms: Terms,
    back_off: BackOff,
    /// Which of the addresses is next.
    place: usize,
}

impl Task {
    pub(super) fn new(local: Local, taken: Option<Taken>, plan: Arc<Plan>) -> Self {
        Self {
            terms: Terms::new(&local.config),
            back_off: BackOff::new(local.config.restart),
            local,
            plan,
            taken,
            place: 0,
        }
    }

    /// Lives until the broker stops, or the bridge is not wanted any more.
    pub(super) async fn run(mut self) {
        if let Some(taken) = self.taken.take()
            && let Ok(Some(state)) = taken.await
        {
            self.local.broker.end_session(&state);
        }
        self.local.notify(false);
        while self.follow_plan() {
            let end = match self.until_wanted().await {
                Ok(()) => self.connect().await,
                Err(end) => end,
            };
            let wait = match end {
                (End::Stop, _) => return,
                (End::Changed | End::TryAgain(_), _) => continue,
                (End::First, _) => {
                    self.place = 0;
                    continue;
                }
                (End::Idle, _) if self.local.config.start == Start::Lazy => continue,
                _ if self.local.config.start == Start::Once => None,
                (_, lasted) => Some(self.wait(lasted)),
            };
            self.place = (self.place + 1) % self.local.config.addresses.len();
            if let End::Stop = self.pause(wait).await {
                return;
            }
        }
        self.local.leave();
    }

    /// Takes over what the configuration has become; false if the bridge is not
    /// in it any more.
    fn follow_plan(&mut self) -> bool {
        let config = match self.plan.take() {
            None => return true,
            Some(None) => return false,
            Some(Some(config)) => config,
        };
        let is_same_session = config.local_client_id() == self.local.id
            && config.local_username == self.local.config.local_username
            && config.is_local_clean() == self.local.config.is_local_clean();
        if is_same_session {
            self.local.change(config);
        } else {
            self.local.leave();
            let (broker, control) = (self.local.broker.clone(), self.local.control.clone());
            (self.local, _) = Local::join(broker, config, control);
        }
        self.terms = Terms::new(&self.local.config);
        self.back_off = BackOff::new(self.local.config.restart);
        self.place = 0;
        true
    }

    /// Waits for enough messages, if the bridge is lazy.
    async fn until_wanted(&self) -> Result<(), (End, Option<Duration>)> {
        if self.local.config.start != Start::Lazy {
            return Ok(());
        }
        let enough = poll_fn(|cx| {
            let waiting = self.local.state.outbox.poll_len(cx) + self.local.backlog.len();
            if waiting >= self.local.config.threshold {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        tokio::select! {
            () = enough => Ok(()),
            end = self.told() => Err((end, None)),
        }
    }

    /// Connects, and serves the connection. Gives how it ended, and how long it
    /// has lasted.
    async fn connect(&mut self) -> (End, Option<Duration>) {
        let config = self.local.config.clone();
        let address = &config.addresses[self.place];
        notice!("Connecting bridge {} ({address})", config.name);
        let dialled = tokio::select! {
            dialled = dial(&config, address) => dialled,
            end = self.told() => return (end, None),
        };
        let stream = match dialled {
            Ok(stream) => stream,
            Err(why) => return self.ended(address, End::Unreachable(why), None),
        };
        let probe = self.probe();
        let Self {
            local, terms, plan, ..
        } = self;
        let mut link = match Link::new(local, terms, plan, stream, probe) {
            Ok(link) => link,
            Err(end) => return self.ended(address, end, None),
        };
        let end = poll_fn(|cx| link.poll(cx)).await;
        if matches!(end, End::Stop | End::Changed | End::Idle | End::First) {
            link.close().await;
        }
        let lasted = link.since.map(|since| link.now - since);
        let session = link.into_session();
        self.local.state.session = Some(Box::new(session));
        self.local.be_away();
        if lasted.is_some() {
            self.local.notify(false);
        }
        self.ended(address, end, lasted)
    }

    /// Looks for the first address while the bridge is connected to another.
    fn probe(&self) -> Option<Probe> {
        let config = self.local.config.clone();
        (self.place > 0 && !config.round_robin).then(|| -> Probe {
            Box::pin(async move {
                loop {
                    sleep(LOOK_FOR_FIRST).await;
                    if answers(&config, &config.addresses[0]).await {
                        return;
                    }
                }
            })
        })
    }

    fn ended(
        &self,
        address: &Address,
        end: End,
        lasted: Option<Duration>,
    ) -> (End, Option<Duration>) {
        let name = &self.local.config.name;
        match &end {
            End::Stop => debug!("Bridge {name} ({address}): {end}."),
            End::TryAgain(what) => notice!("Warning: Remote bridge {name} {what}"),
            End::Refused(_) => error!("Error: Bridge {name} ({address}): {end}."),
            End::Idle => {
                let id = &self.local.id;
                notice!("Bridge connection {id} has exceeded idle timeout, disconnecting.");
            }
            End::Changed | End::First => {
                notice!("Bridge {name} ({address}): {end}, reconnecting.");
            }
            _ => warning!("Warning: Bridge {name} ({address}): {end}."),
        }
        (end, lasted)
    }

    fn wait(&mut self, lasted: Option<Duration>) -> Duration {
        let mut random = [0; 8];
        // Without, all bridges wait for as long as each other: no harm.
        let _ = getrandom::fill(&mut random);
        let wait = self.back_off.next(lasted, u64::from_ne_bytes(random));
        let (name, millis) = (&self.local.config.name, wait.as_millis());
        information!("Bridge {name} next backoff will be {millis} ms");
        wait
    }

    /// Waits for that long, or, without a time, until somebody has something to
    /// tell.
    async fn pause(&self, wait: Option<Duration>) -> End {
        let over = async {
            match wait {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => End::Changed,
            end = self.told() => end,
        }
    }

    /// Waits until the bridge is told to stop, or what to do instead.
    async fn told(&self) -> End {
        poll_fn(|cx| {
            while let Some(command) = self.local.control.poll(cx) {
                match command {
                    Command::ShutDown => return Poll::Ready(End::Stop),
                    Command::LookAgain if self.plan.is_there() => {
                        return Poll::Ready(End::Changed);
                    }
                    // Nobody takes a bridge's place, or asks it anything.
                    _ => {}
                }
            }
            Poll::Pending
        })
        .await
    }
}
