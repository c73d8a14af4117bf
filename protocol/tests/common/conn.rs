//! Client and server as one type, for what a test does with either.
#![allow(dead_code, reason = "each test program uses its part")]

use bytes::BytesMut;
use codec::{PacketId, ProtocolVersion, QoS, ReasonCode};
use protocol::{Delivery, PublishError, Session, Time, Violation, client, server};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}
pub(crate) use Side::{Client, Server};

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Client => Server,
            Server => Client,
        }
    }
}

pub(crate) enum Conn {
    Client(client::Connection),
    Server(server::Connection),
}

impl Conn {
    pub(crate) fn publish(
        &mut self,
        delivery: Delivery,
        now: Time,
    ) -> Result<Option<PacketId>, PublishError> {
        match self {
            Self::Client(conn) => conn.publish(delivery, now),
            Self::Server(conn) => conn.publish(delivery, now),
        }
    }

    pub(crate) fn acknowledge(&mut self, qos: QoS, id: PacketId, reason: ReasonCode, now: Time) {
        match self {
            Self::Client(conn) => conn.acknowledge(qos, id, reason, now),
            Self::Server(conn) => conn.acknowledge(qos, id, reason),
        }
    }

    pub(crate) fn window(&self) -> usize {
        match self {
            Self::Client(conn) => conn.window(),
            Self::Server(conn) => conn.window(),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        match self {
            Self::Client(conn) => conn.is_connected(),
            Self::Server(conn) => conn.is_connected(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Client(conn) => conn.is_closed(),
            Self::Server(conn) => conn.is_closed(),
        }
    }

    pub(crate) fn version(&self) -> ProtocolVersion {
        match self {
            Self::Client(conn) => conn.version(),
            Self::Server(conn) => conn.version(),
        }
    }

    pub(crate) fn unanswered(&self) -> usize {
        match self {
            Self::Client(conn) => conn.unanswered(),
            Self::Server(conn) => conn.unanswered(),
        }
    }

    pub(crate) fn output(&mut self) -> &mut BytesMut {
        match self {
            Self::Client(conn) => conn.output(),
            Self::Server(conn) => conn.output(),
        }
    }

    pub(crate) fn into_session(self) -> Session {
        match self {
            Self::Client(conn) => conn.into_session(),
            Self::Server(conn) => conn.into_session(),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) -> Result<(), Violation> {
        match self {
            Self::Client(conn) => conn.handle_timeout(now),
            Self::Server(conn) => conn.handle_timeout(now),
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Client(conn) => conn.poll_timeout(),
            Self::Server(conn) => conn.poll_timeout(),
        }
    }
}
