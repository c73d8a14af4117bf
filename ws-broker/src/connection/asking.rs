//! What a client asks the broker itself: requests to the desk, one after the
//! other, and their answers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use codec::{PacketId, Properties, Property, Publish, QoS, ReasonCode, TopicName};
use protocol::{Delivery, Message};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::input::MAX_UNSENT;
use super::{Connection, Phase};
use crate::access::Access;
use crate::desk::{Answer, Asker, Code, Failure, Outcome, Request, Subscriptions, gone};
use crate::log::debug;
use crate::store::{Ticket, Waiter};

/// The longest answer, bytes. What is left out can be asked for again.
const MAX_ANSWER: usize = 256 << 10;
/// What an answer's packet has beside payload, topic and correlation data: its
/// header, the lengths, and a few subscription identifiers.
const OVERHEAD: usize = 64;

/// Requests that are not answered yet. No more is read while there are any, so
/// that they are no more than one read brings.
#[derive(Default)]
pub(super) struct Asking {
    requests: VecDeque<Request>,
    /// The one that is carried out, and waits.
    waiting: Option<(Waiting, Pending)>,
}

/// What an answer waits for.
enum Waiting {
    /// The store.
    Commit(Ticket, Waiter, Vec<u8>),
    /// Another connection.
    Awaited(oneshot::Receiver<Subscriptions>),
}

/// Where an answer goes, and what it is the answer to.
struct Pending {
    response: TopicName,
    identifiers: Vec<u32>,
    correlation: Option<Bytes>,
    packet: Option<(QoS, PacketId)>,
    /// How long the answer may be.
    limit: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    /// Something was published where the desk's requests go.
    pub(super) fn ask(&mut self, publish: &Publish) {
        let request = Request::new(publish);
        let Phase::Connected(client) = &mut self.phase else {
            return;
        };
        match request {
            Ok(mut request) => {
                if let Some(mount) = self.server.mount()
                    && let Ok(response) = mount.outer(&request.response)
                {
                    request.response = response;
                }
                let asking = client.asking.get_or_insert_default();
                asking.requests.push_back(request);
            }
            Err(reason) => {
                debug!("Denied PUBLISH from {}: {}", client.id, reason.text());
                if let Some(packet_id) = publish.packet_id {
                    self.server.acknowledge(publish.qos, packet_id, reason);
                }
            }
        }
    }

    /// Whether there are requests that are not answered yet.
    pub(super) fn is_asking(&self) -> bool {
        matches!(&self.phase, Phase::Connected(client) if client.asking.is_some())
    }

    /// Answers the next request, if its answer is there; tells whether
    /// anything was done. If not, the task is woken when there is something to
    /// do.
    pub(super) fn poll_asking(&mut self, cx: &mut Context<'_>) -> bool {
        let unsent: usize = self.writing.iter().map(bytes::BytesMut::len).sum();
        let is_failing = self.is_store_failing();
        let Phase::Connected(client) = &mut self.phase else {
            return false;
        };
        let Some(asking) = &mut client.asking else {
            return false;
        };
        if let Some((waiting, _)) = &mut asking.waiting {
            let journal = self.broker.router.journal();
            let answer = match waiting {
                Waiting::Commit(ticket, waiter, answer) => {
                    let committed = journal.map(|journal| journal.poll(*ticket, waiter, cx));
                    match committed {
                        Some(Poll::Pending) if !is_failing => return false,
                        Some(Poll::Pending) => {
                            let text = "It is shown, and is not stored: the store fails.";
                            Err(Failure::new(Code::Unavailable, text))
                        }
                        Some(Poll::Ready(())) | None => Ok(std::mem::take(answer)),
                    }
                }
                Waiting::Awaited(awaited) => match Pin::new(awaited).poll(cx) {
                    Poll::Pending => return false,
                    Poll::Ready(Ok(subscriptions)) => subscriptions.encode(),
                    Poll::Ready(Err(_)) => Err(gone()),
                },
            };
            if let Phase::Connected(client) = &mut self.phase
                && let Some(asking) = &mut client.asking
                && let Some((_, pending)) = asking.waiting.take()
            {
                self.answer(pending, answer);
            }
        } else if unsent + self.server.output().len() >= MAX_UNSENT {
            // It is to read what it was told before it is told more.
            return false;
        } else if let Some(request) = asking.requests.pop_front() {
            self.carry_out(request);
        } else {
            client.asking = None;
        }
        // So that a turn ends when it has taken its time.
        self.now = self.broker.clock.now();
        true
    }

    fn carry_out(&mut self, request: Request) {
        let Phase::Connected(client) = &self.phase else {
            return;
        };
        let outbox = &client.state.outbox;
        let (router, settings) = (&self.broker.router, self.settings.clone());
        let who = outbox.identity();
        let identifiers = router.subscription(&request.response, outbox.id());
        let may_read = settings.allows(who, &request.response, Access::Read);
        let Some(identifiers) = identifiers.filter(|_| may_read) else {
            if let Some((qos, packet_id)) = request.packet {
                let reason = ReasonCode::NoMatchingSubscribers;
                self.server.acknowledge(qos, packet_id, reason);
            }
            return;
        };
        let longest = outbox.receiver().map_or(0, |r| r.maximum_packet_size);
        let of_correlation = request.correlation.as_ref().map_or(0, Bytes::len);
        let beside = OVERHEAD + request.response.len() + of_correlation + 5 * identifiers.len();
        let limit = (longest as usize).min(MAX_ANSWER).saturating_sub(beside);
        let asker = Asker {
            broker: &self.broker,
            settings: &settings,
            who,
            outbox: outbox.id(),
            limit,
        };
        let outcome = match self.server.mount() {
            None => request.handle(asker),
            Some(_) => Outcome::Answer(Request::refuse_mounted()),
        };
        let pending = Pending {
            response: request.response,
            identifiers,
            correlation: request.correlation,
            packet: request.packet,
            limit,
        };
        let waiting = match outcome {
            Outcome::Answer(answer) => return self.answer(pending, answer),
            Outcome::Awaited(awaited) => Waiting::Awaited(awaited),
            Outcome::Stored(answer) => {
                let ticket = router.journal().map(|journal| journal.ticket());
                Waiting::Commit(ticket.unwrap_or_default(), Waiter::default(), answer)
            }
        };
        if let Phase::Connected(client) = &mut self.phase {
            let asking = client.asking.get_or_insert_default();
            asking.waiting = Some((waiting, pending));
        }
    }

    fn answer(&mut self, to: Pending, answer: Answer) {
        let answer = answer.unwrap_or_else(|failure| failure.encode());
        let answer = if answer.len() > to.limit {
            let text = "The answer is longer than you take: ask for less at once.";
            Failure::new(Code::TooLarge, text).encode()
        } else {
            answer
        };
        let correlation = to.correlation.map(Property::CorrelationData);
        let properties: Properties = correlation.into_iter().collect();
        let message = Message {
            properties,
            ..Message::new(to.response, answer)
        };
        let payload = message.payload.len() as u64;
        let identifiers = (!to.identifiers.is_empty()).then(|| to.identifiers.into());
        let delivery = Delivery {
            subscription_identifiers: identifiers,
            ..Delivery::new(Arc::new(message), QoS::AtMostOnce)
        };
        match self.server.publish(delivery, self.broker.clock.now()) {
            Ok(_) => {
                self.tally.publishes_sent += 1;
                self.tally.payload_sent += payload;
            }
            Err(_) => self.broker.router.count_dropped(1),
        }
        if let Some((qos, packet_id)) = to.packet {
            self.server.acknowledge(qos, packet_id, ReasonCode::Success);
        }
    }
}
