//! What becomes of a session and its will when the connection ends (sections
//! 3.1.2.5, 4.1).

use std::time::Duration;

use codec::QoS;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Client, Connection, End};
use crate::broker::Broker;
use crate::sessions::{Command, Parked, SessionState, TakeOver};

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    pub(super) fn leave(&mut self, mut client: Client, end: &End) {
        let broker = self.broker.clone();
        let now = broker.clock.now();
        let mut state = client.state;
        // One that was not accepted yet has it still.
        if state.session.is_none() {
            state.session = Some(Box::new(self.server.take_session()));
        }
        state.outbox.set_offline();
        let unsent = self.backlog.drain(..).filter(|d| d.qos > QoS::AtMostOnce);
        state
            .outbox
            .put_back(unsent.collect::<Vec<_>>().into_iter());
        // Encoders remember who is here.
        broker.router.invalidate();

        let is_will_due = match end {
            End::Disconnect { with_will } => *with_will,
            End::Refused | End::ShutDown => false,
            _ => true,
        };
        let take_over = client.take_over.take();
        let is_session_over =
            client.expiry == 0 || take_over.as_ref().is_some_and(|t| t.clean_start);
        // A client that is back already, and goes on with its session, is not
        // gone [MQTT-3.1.3-9].
        let is_back = take_over.is_some() && !is_session_over;
        let mut will = client.will.take().filter(|_| is_will_due && !is_back);
        // A will waits for its delay or the session's end, and is not sent if
        // the client is back before that [MQTT-3.1.3-9].
        let delay = will
            .as_ref()
            .and_then(|will| will.properties.will_delay_interval())
            .unwrap_or(0)
            .min(client.expiry);
        if (delay == 0 || is_session_over)
            && let Some(will) = will.take()
        {
            broker.publish_will(state.outbox.identity(), *will, now);
        }
        if let Some(take_over) = take_over {
            if client.expiry == 0 {
                broker.end_session(&state);
                hand_over(&broker, take_over, None);
            } else {
                hand_over(&broker, take_over, Some(state));
            }
            return;
        }
        let parked = if is_session_over {
            broker.end_session(&state);
            None
        } else {
            let will = will.map(|will| (*will, now + Duration::from_secs(delay.into())));
            let parked = Parked::new(state, client.expiry, will, now);
            if let Some(journal) = broker.router.journal() {
                journal.submit(parked.change());
            }
            Some(Box::new(parked))
        };
        if let Err(parked) = broker.sessions.leave(&client.id, &self.control, parked) {
            // Somebody took over since the last look: the request is there.
            let mut parked = parked.map(|parked| parked.state);
            while let Some(command) = self.control.take() {
                if let Command::TakeOver(take_over) = command {
                    hand_over(&broker, take_over, parked.take());
                }
            }
            if let Some(state) = parked {
                broker.end_session(&state);
            }
        }
    }
}

/// Hands a session over, or ends it if nobody wants it.
fn hand_over(broker: &Broker, take_over: TakeOver, state: Option<Box<SessionState>>) {
    let clean_start = take_over.clean_start;
    let state = match state {
        Some(state) if clean_start => {
            broker.end_session(&state);
            None
        }
        state => state,
    };
    // Who asked for it is gone only when the broker stops: what is stored is
    // there when it starts again.
    if let Err(state) = take_over.hand_over(state)
        && state.stored.is_none()
    {
        broker.end_session(&state);
    }
}
