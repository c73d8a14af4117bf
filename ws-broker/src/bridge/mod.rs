//! Bridges: connections that this broker makes to others.
//!
//! ```text
//! publisher here -> router -> outbox -> link -> other broker
//! subscribers here <- router <- routes <- link <- other broker
//! ```
//!
//! To the router a bridge is a session like a client's: `local` holds its
//! subscriptions and its outbox, where messages wait while the other broker is
//! away, and are stored if the broker stores anything. Nothing that comes from
//! the other broker goes back there, since the bridge publishes it as itself
//! and subscribes with No Local; the other broker is asked for the same, by
//! No Local in 5.0 and by the bridge bit of CONNECT before.
//!
//! To the other broker it is a client: `link` is a connection while it lasts, by
//! the client's half of `protocol`, and `task` what comes before and after it.
//! `topics` exchanges prefixes where messages leave and arrive, so that an
//! outbox and the store have topics of this broker only.

mod back_off;
mod dial;
mod events;
mod link;
mod local;
mod task;
mod terms;
mod tls;
mod topics;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use local::Local;
use task::Task;
use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::config::Bridge;
use crate::listener::Address;
use crate::sessions::Control;

/// All bridges; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Bridges {
    broker: Arc<Broker>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Each by its configuration.
    plans: Vec<(Arc<Bridge>, Arc<Plan>)>,
    /// Those that have not begun to connect.
    waiting: Vec<Task>,
    tasks: JoinSet<()>,
}

/// Whether what the configuration of bridges names can be used; an error is one
/// line.
pub(crate) fn check(bridges: &[Arc<Bridge>]) -> Result<(), String> {
    for bridge in bridges {
        if let Some(options) = &bridge.tls {
            tls::read(options).map_err(|why| format!("connection {}: {why}", bridge.name))?;
        }
    }
    Ok(())
}

/// What is to become of a bridge: another configuration, or its end.
#[derive(Debug, Default)]
struct Plan(Mutex<Option<Option<Arc<Bridge>>>>);

impl Plan {
    fn lock(&self) -> MutexGuard<'_, Option<Option<Arc<Bridge>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, next: Option<Arc<Bridge>>) {
        *self.lock() = Some(next);
    }

    fn take(&self) -> Option<Option<Arc<Bridge>>> {
        self.lock().take()
    }

    fn is_there(&self) -> bool {
        self.lock().is_some()
    }

    /// Whether a connection that works is to end for it.
    fn is_urgent(&self) -> bool {
        let plan = self.lock();
        let next = plan.as_ref();
        next.is_some_and(|next| next.as_ref().is_none_or(|config| config.reloads_at_once))
    }
}

impl Bridges {
    /// The bridges that are configured. From here on messages wait for them;
    /// they connect when they are started.
    pub(crate) fn new(broker: Arc<Broker>) -> Self {
        let bridges = Self {
            inner: Mutex::default(),
            broker,
        };
        let settings = bridges.broker.settings();
        let mut inner = bridges.lock();
        for config in &settings.config.bridges {
            bridges.add(&mut inner, config);
        }
        drop(inner);
        bridges
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, inner: &mut Inner, config: &Arc<Bridge>) {
        // What a client is told of who has its session now.
        let address = Address::Unix(format!("bridge {}", config.name).into());
        let control = Arc::new(Control::new(address));
        let (local, taken) = Local::join(self.broker.clone(), config.clone(), control);
        let plan = Arc::<Plan>::default();
        inner.plans.push((config.clone(), plan.clone()));
        inner.waiting.push(Task::new(local, taken, plan));
    }

    /// Lets those connect that have not begun to.
    pub(crate) fn start(&self) {
        let mut inner = self.lock();
        let Inner { waiting, tasks, .. } = &mut *inner;
        for task in waiting.drain(..) {
            tasks.spawn(task.run());
        }
    }

    /// Goes by another configuration from here on. Those that are to look at
    /// once have to be told: see
    /// [`Sessions::look_again`](crate::sessions::Sessions::look_again).
    pub(crate) fn change(&self, wanted: &[Arc<Bridge>]) {
        let mut inner = self.lock();
        inner.plans.retain_mut(|(config, plan)| {
            let next = wanted.iter().find(|next| next.name == config.name);
            if next != Some(config) {
                plan.set(next.cloned());
            }
            if let Some(next) = next {
                *config = next.clone();
            }
            next.is_some()
        });
        for config in wanted {
            let mut known = inner.plans.iter();
            if !known.any(|(known, _)| known.name == config.name) {
                self.add(&mut inner, config);
            }
        }
        drop(inner);
        self.start();
    }

    /// Waits until all have ended, which they do when they are told to: see
    /// [`Sessions::shut_down`](crate::sessions::Sessions::shut_down).
    pub(crate) async fn ended(self) {
        let inner = self.inner.into_inner();
        let mut tasks = inner.unwrap_or_else(PoisonError::into_inner).tasks;
        while tasks.join_next().await.is_some() {}
    }
}
