use std::sync::Arc;
use std::time::Duration;

use codec::{ConnAck, Disconnect, PacketId, Properties, Property, QoS, ReasonCode, TopicName};
use protocol::{Delivery, Message, PublishError, Session};

use super::bytes::Script;
use super::conn::{Client, Conn, Server, Side};
use super::{TOPICS, World};

/// What drivers do.
impl World {
    pub(super) fn publish(&mut self, from: Side, script: &mut Script<'_>) {
        let (choice, len) = (script.byte(), script.byte());
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(choice % 3)];
        self.tokens += 1;
        let mut payload = self.tokens.to_be_bytes().to_vec();
        payload.push(choice >> 2 & 3);
        payload.resize(9 + usize::from(len), b'x');
        let topic = TopicName::new(TOPICS[usize::from(payload[8])]).expect("it is one");
        let mut message = Message::new(topic, payload);
        if choice & 0x10 > 0 {
            message.expires_at = Some(self.now + Duration::from_secs(u64::from(len % 4)));
        }
        let mut delivery = Delivery::new(Arc::new(message), qos);
        delivery.token = self.tokens;
        delivery.retain = choice & 0x20 > 0;
        if from == Server && choice & 0x40 > 0 {
            delivery.subscription_identifiers = Some([1, 200].into());
        }
        self.drain();
        let now = self.now;
        let end = self.end(from);
        let Some(conn) = &mut end.conn else {
            return;
        };
        let window = conn.window();
        assert!(window <= usize::from(end.observed.peer.receive_maximum));
        match conn.publish(delivery, now) {
            Ok(id) => {
                assert_eq!(id.is_some(), qos != QoS::AtMostOnce);
                if id.is_some() {
                    assert_eq!(conn.window(), window - 1);
                    let token = self.tokens;
                    self.end(from).published.push(token);
                }
            }
            Err(error) => {
                assert!(conn.output().is_empty(), "{error} and written");
                assert_eq!(conn.window(), window);
                if error == PublishError::WindowFull {
                    assert_eq!(window, 0);
                }
            }
        }
    }

    pub(super) fn acknowledge(&mut self, script: &mut Script<'_>) {
        let choice = script.byte();
        let side = if choice & 1 == 0 { Client } else { Server };
        let now = self.now;
        let end = match side {
            Client => &mut self.client,
            Server => &mut self.server,
        };
        let (Some(conn), false) = (&mut end.conn, end.pending.is_empty()) else {
            return;
        };
        let (qos, id) = end
            .pending
            .remove(usize::from(choice >> 2) % end.pending.len());
        let reason = if choice & 2 > 0 {
            self.gives_up = true;
            ReasonCode::QuotaExceeded
        } else {
            ReasonCode::Success
        };
        conn.acknowledge(qos, id, reason, now);
    }

    pub(super) fn request(&mut self, script: &mut Script<'_>) {
        self.drain();
        let (now, choice) = (self.now, script.byte());
        self.tokens += 1;
        let token = self.tokens;
        let Some(Conn::Client(conn)) = &mut self.client.conn else {
            return;
        };
        if choice & 0x80 > 0 {
            // What the server's driver does about it is in the data.
            let data = Property::AuthenticationData(vec![choice].into());
            let _ = conn.reauthenticate(Properties::new().with(data), now);
            return;
        }
        let filter = || codec::TopicFilter::new("Kitchen/#").expect("it is one");
        let done = match choice % 4 {
            0 => {
                let subscription = codec::Subscription {
                    filter: filter(),
                    options: QoS::AtLeastOnce.into(),
                };
                conn.subscribe(vec![subscription], Properties::new(), token, now)
            }
            1 => conn.unsubscribe(vec![filter()], Properties::new(), token, now),
            2 => return conn.ping(now),
            _ => {
                let mut disconnect = Disconnect::new(ReasonCode::Success);
                if conn.version().is_v5() {
                    let expiry = Property::SessionExpiryInterval(choice.into());
                    disconnect.properties.push(expiry);
                }
                return conn.disconnect(disconnect).expect("it is short");
            }
        };
        if done.is_ok() {
            let written = &conn.output()[..];
            let id = u16::from_be_bytes([written[2], written[3]]);
            let id = PacketId::new(id).expect("it is one");
            self.client.observed.request(token, id);
        } else {
            assert!(conn.output().is_empty());
        }
    }

    pub(super) fn answer_connect(&mut self, script: &mut Script<'_>) {
        let choice = script.byte();
        self.answer(choice);
    }

    /// The server's driver answers CONNECT, if there is one; mostly it
    /// accepts. Gives whether it has.
    pub(super) fn answer(&mut self, choice: u8) -> bool {
        let now = self.now;
        let (is_honest, max_inflight) = (self.is_honest, self.max_inflight);
        let end = &mut self.server;
        let (Some(Conn::Server(conn)), Some(connect)) = (&mut end.conn, &self.connect) else {
            return false;
        };
        if conn.takes_packets() {
            // The client was asked for more.
            return false;
        }
        match choice & 0x0f {
            0x0e if conn.challenge(Properties::new()).is_ok() => return false,
            0x0f => {
                self.connect = None;
                conn.refuse(ReasonCode::ServerBusy, Properties::new());
                return true;
            }
            _ => {}
        }
        let mut session = std::mem::take(&mut end.session);
        if connect.clean_start {
            session = Session::new();
            end.observed.forget();
            self.gives_up = true;
        }
        let mut connack = ConnAck::new(!connect.clean_start, ReasonCode::Success);
        if choice & 0x10 > 0 {
            connack.properties.push(Property::ServerKeepAlive(3));
        }
        if choice & 0x60 == 0x60 && connect.version.is_v5() {
            connack.properties.push(Property::MaximumQoS(1));
            self.gives_up = true;
        }
        if choice & 0x80 > 0 {
            conn.limit_topic_aliases(1);
        }
        end.observed.peer.receive_maximum =
            end.observed.peer.receive_maximum.min(max_inflight).max(1);
        self.is_accepted = true;
        let given_up = conn.accept(session, connack, max_inflight, now);
        assert!(given_up.is_empty() || self.gives_up || !is_honest);
        for token in given_up {
            end.observed.give_up(token);
        }
        self.connect = None;
        true
    }

    /// What a server does of its own accord.
    pub(super) fn serve(&mut self, script: &mut Script<'_>) {
        let (now, choice) = (self.now, script.byte());
        if choice % 3 == 0 {
            // A takeover: the same client has come back on another
            // connection, and this one is told so.
            if let Some(Conn::Server(conn)) = &mut self.server.conn
                && self.is_accepted
            {
                conn.disconnect(Disconnect::new(ReasonCode::SessionTakenOver));
                self.take_session(Server);
            }
            return;
        }
        let Some(Conn::Server(conn)) = &mut self.server.conn else {
            return;
        };
        if choice % 3 == 1 {
            conn.disconnect(Disconnect::new(ReasonCode::ServerShuttingDown));
        } else {
            conn.handle_activity(now);
        }
    }
}
