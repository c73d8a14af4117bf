//! What outlives the page: see `journal`.

use codec::ProtocolVersion;
use protocol::Time;

use super::{Core, Link};
use crate::Error;
use crate::journal::{Change, Journal, Restored, Step};

impl Core {
    /// Goes on where another page was.
    pub(super) fn restore(
        &mut self,
        mut journal: Journal,
        restored: Restored,
        is_chosen_here: bool,
    ) {
        let chosen = &self.options.client_id;
        (self.options.client_id, self.tokens) = journal.claim(chosen, is_chosen_here);
        self.session = restored.session;
        self.outbox.requeue(restored.queue);
        let bounds = self.options.stream_bounds;
        self.subscriptions
            .keep_unclaimed(restored.received, bounds, journal.possible);
        self.journal = Some(journal);
    }

    /// Whether CONNECT may be sent; false if that has to wait, and
    /// [`Core::handle_open`] is called again when it has.
    pub(super) fn may_connect(&mut self) -> Result<bool, Error> {
        let Some(journal) = &mut self.journal else {
            return Ok(true);
        };
        let options = &self.options;
        let objection = if options.clean_start {
            Some("it needs a session that goes on, and a clean start was asked for")
        } else if options.session_expiry == 0 {
            Some("it needs a session that goes on, and its expiry was set to 0")
        } else if options.version == ProtocolVersion::V3_1 {
            Some(
                "it needs MQTT 3.1.1 or 5.0: a broker of 3.1 does not say whether it has kept the session",
            )
        } else {
            journal.objection
        };
        match objection {
            Some(objection) => Err(Error::Store(objection.into())),
            None => Ok(!journal.holds_connect()),
        }
    }

    /// Whether CONNECT asks for a clean start.
    pub(super) fn starts_clean(&self) -> bool {
        let options = &self.options;
        let is_wanted = match &self.journal {
            // What the broker has is not the other half of what is here
            // [MQTT-3.2.2-4]. Before 5.0 such a session would not be kept.
            Some(journal) => options.version.is_v5() && !journal.is_known(),
            None => options.clean_start && !self.was_connected,
        };
        is_wanted || options.session_expiry == 0
    }

    /// Whether there is something to commit.
    pub(crate) fn wants_commit(&mut self) -> bool {
        self.journal.as_mut().is_some_and(Journal::wants_commit)
    }

    /// What to commit next: [`Core::handle_stored`] is to be told of it.
    pub(crate) fn begin_commit(&mut self) -> Option<&[Change]> {
        self.journal.as_mut()?.begin_commit()
    }

    /// What there is still to commit when the client has ended.
    pub(crate) fn last_changes(&mut self) -> Vec<Change> {
        self.journal.take().map_or_else(Vec::new, Journal::rest)
    }

    /// What was begun last is stored, or nothing of it.
    pub(crate) fn handle_stored(&mut self, outcome: Result<(), Error>, now: Time) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        if let Err(error) = outcome {
            return self.not_stored(&error, now);
        }
        for step in journal.committed() {
            self.take_step(step, now);
        }
        self.acknowledge(now);
        let is_ready = self.journal.as_ref().is_some_and(Journal::lets_connect);
        if is_ready && matches!(self.link, Link::Opening { .. }) {
            self.handle_open(now);
        }
    }

    fn take_step(&mut self, step: Step, now: Time) {
        match (step, &mut self.link) {
            (Step::Receive(publish, number), _) => {
                let Some(journal) = &self.journal else {
                    return;
                };
                let stored = (number, journal.receipt(number));
                if let Some(id) = publish.packet_id
                    && self.is_connected()
                {
                    self.held.push_back((publish.qos, id));
                }
                self.subscriptions.deliver(publish, Some(stored));
                self.requests.take_answers();
            }
            (Step::Accepted, _) => {
                if let Some(journal) = &mut self.journal {
                    journal.is_known_now();
                }
                self.send_requests(now);
            }
            (Step::Transmit(id), Link::Open(connection)) => connection.transmit(id, now),
            (Step::Release(id), Link::Open(connection)) => connection.release(id),
            (Step::Complete(id), Link::Open(connection)) => connection.complete(id),
            // The next connection makes up for it.
            _ => {}
        }
    }

    /// Whoever waits for it hears of that. The broker is to send again what it
    /// has sent, so the connection ends.
    fn not_stored(&mut self, error: &Error, now: Time) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        let undone = journal.failed();
        if !matches!(self.link, Link::Waiting { .. } | Link::Ended) {
            self.lost(error.clone(), now);
        }
        let is_undone = |token: &u64| undone.sent.binary_search(token).is_ok();
        self.session.forget(
            |delivery| is_undone(&delivery.token),
            |id| undone.received.contains(&id),
        );
        self.outbox
            .give_up(error, |delivery| is_undone(&delivery.token));
        for token in undone.sent {
            self.outbox.settle(token, Err(error.clone()));
        }
    }
}
