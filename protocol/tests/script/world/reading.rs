use codec::{Properties, ProtocolVersion, Publish, QoS, ReasonCode, SubAck, UnsubAck};
use protocol::{AuthError, Limits, Violation, client, server};

use super::conn::{Client, Conn, Server, Side};
use super::observed::token;
use super::{TOPICS, World};

enum Event {
    Client(client::Event),
    Server(server::Event),
}

impl World {
    /// Looks at what the ends have written, and puts it on the link.
    pub(super) fn drain(&mut self) {
        for side in [Client, Server] {
            let end = self.end(side);
            if let Some(conn) = &mut end.conn {
                let written = conn.output().split();
                end.link.extend_from_slice(&written);
                end.observed.written(written, conn.version());
                end.observed.closed(conn.is_closed());
                assert!(!conn.is_closed() || conn.poll_timeout().is_none());
            }
        }
    }

    /// Delivers up to `count` bytes of what `from` has written; all at 255.
    pub(super) fn deliver(&mut self, from: Side, count: usize) {
        let link = &mut self.end(from).link;
        let count = if count == 255 { link.len() } else { count };
        let bytes = link.split_to(count.min(link.len()));
        let to = from.other();
        self.end(to).input.extend_from_slice(&bytes);
        self.read(to);
    }

    fn read(&mut self, side: Side) {
        let now = self.now;
        loop {
            self.drain();
            let end = self.end(side);
            let input = &mut end.input;
            let event = match &mut end.conn {
                None => return,
                Some(Conn::Client(conn)) => {
                    let event = conn.handle_input(input, now);
                    event.map(|event| event.map(Event::Client))
                }
                Some(Conn::Server(conn)) => {
                    let event = conn.handle_input(input, now);
                    event.map(|event| event.map(Event::Server))
                }
            };
            match event {
                Ok(Some(event)) => self.handle(event),
                Ok(None) => break,
                Err(violation) => {
                    self.violation(side, violation);
                    break;
                }
            }
        }
        self.drain();
        let end = self.end(side);
        if let Some(conn) = &end.conn {
            // Once more for each PUBREL of an earlier connection.
            let most = 2 * usize::from(end.receive_maximum);
            assert!(conn.unanswered() <= most);
        }
    }

    fn violation(&mut self, side: Side, violation: Violation) {
        assert!(!self.is_honest, "{side:?}: {violation}");
        let conn = self.end(side).conn.as_ref();
        assert!(conn.is_some_and(Conn::is_closed));
        let _ = (violation.reason_code(), violation.to_string());
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Client(event) => self.on_client(event),
            Event::Server(event) => self.on_server(event),
        }
    }

    fn on_client(&mut self, event: client::Event) {
        let observed = &mut self.client.observed;
        match event {
            client::Event::ConnAck {
                connack,
                lost,
                completed,
            } => {
                if connack.reason.is_failure() {
                    return;
                }
                let is_discarded = std::mem::take(&mut self.is_discarded);
                observed.peer = Limits::from_properties(&connack.properties);
                let is_kept = !is_discarded
                    && (connack.session_present || self.version == ProtocolVersion::V3_1);
                assert!(lost.is_empty() || self.gives_up || !self.is_honest);
                for token in lost.iter().map(|delivery| delivery.token) {
                    observed.give_up(token);
                }
                for token in completed {
                    assert!(!is_kept);
                    observed.give_up(token);
                }
                assert!(is_kept || observed.is_idle());
            }
            client::Event::Publish(publish) => self.on_publish(Client, &publish),
            client::Event::Delivered(delivered) => observed.delivered(&delivered),
            client::Event::SubAck { token, suback } => observed.answered(token, suback.packet_id),
            client::Event::UnsubAck { token, unsuback } => {
                observed.answered(token, unsuback.packet_id);
            }
            client::Event::Auth(auth) => {
                let (now, is_asked) = (self.now, auth.reason == ReasonCode::ContinueAuthentication);
                if let Some(Conn::Client(conn)) = &mut self.client.conn {
                    let answer = conn.authenticate(Properties::new(), now);
                    let is_allowed = answer != Err(AuthError::OutOfTurn);
                    assert_eq!(is_allowed, is_asked);
                }
            }
            client::Event::Disconnect(_) => {}
            client::Event::Taken(_) | client::Event::Released(_) => {
                unreachable!("the client does not defer")
            }
        }
    }

    fn on_server(&mut self, event: server::Event) {
        let Some(Conn::Server(conn)) = &mut self.server.conn else {
            unreachable!("it has just spoken");
        };
        match event {
            server::Event::Connect(connect) => {
                self.server.observed.peer = Limits::of_client(&connect);
                self.connect = Some(connect);
            }
            server::Event::Publish(publish) => self.on_publish(Server, &publish),
            server::Event::Delivered(delivered) => self.server.observed.delivered(&delivered),
            server::Event::Subscribe(subscribe) => conn.suback(SubAck {
                packet_id: subscribe.packet_id,
                reasons: vec![ReasonCode::GrantedQoS1; subscribe.subscriptions.len()],
                properties: subscribe.properties,
            }),
            server::Event::Unsubscribe(unsubscribe) => conn.unsuback(UnsubAck {
                packet_id: unsubscribe.packet_id,
                reasons: vec![ReasonCode::Success; unsubscribe.filters.len()],
                properties: unsubscribe.properties,
            }),
            server::Event::Auth(auth) if conn.is_connected() => {
                let data = auth.properties.authentication_data();
                let is_odd = data.is_some_and(|data| data.iter().any(|byte| byte % 2 == 1));
                let answer = if is_odd {
                    conn.challenge(Properties::new())
                } else {
                    conn.authenticated(Properties::new())
                };
                answer.expect("it is the server's turn");
            }
            server::Event::Taken(_) | server::Event::Released(_) => {
                unreachable!("handshakes are not deferred")
            }
            server::Event::Auth(_) | server::Event::Disconnect(_) => {}
        }
    }

    fn on_publish(&mut self, side: Side, publish: &Publish) {
        let (is_honest, gives_up) = (self.is_honest, self.gives_up);
        let end = self.end(side);
        end.observed.received(publish.qos);
        if let Some(id) = publish.packet_id {
            end.pending.push((publish.qos, id));
        }
        assert!(!publish.topic.is_alias(), "aliases are resolved");
        if !is_honest {
            return;
        }
        let token = token(publish).expect("the other end has published it");
        let topic = TOPICS[usize::from(publish.payload[8])];
        assert_eq!(&*publish.topic, topic);
        let is_first = end.received.insert(token);
        let newest = &mut end.newest[publish.qos as usize];
        if is_first {
            assert!(*newest < token, "{token} overtaken by {newest}");
            *newest = token;
        } else {
            // What was refused, or thrown away with its session, may come
            // again.
            assert!(publish.qos == QoS::AtLeastOnce || gives_up, "{token} twice");
            assert!(publish.dup, "a copy without DUP");
        }
    }
}
