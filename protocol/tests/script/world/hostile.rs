use codec::{Connect, DecodeError, Packet, ProtocolVersion, QoS};
use protocol::{Session, Violation};

use super::World;
use super::bytes::Script;
use super::conn::{Client, Conn, Server, Side};

impl World {
    /// Bytes of any kind on the link.
    pub(super) fn raw(&mut self, script: &mut Script<'_>) {
        let choice = script.byte();
        let bytes = script.take(usize::from(choice >> 1));
        self.say(side(choice), bytes);
    }

    /// A packet that could be one, with an identifier that could be in use.
    pub(super) fn made_up(&mut self, script: &mut Script<'_>) {
        let (choice, kind) = (script.byte(), script.byte());
        let (id, reason) = (choice >> 1 & 0x07, script.byte());
        let is_short = choice & 0x10 > 0;
        let ack = |first: u8| match is_short {
            true => vec![first, 2, 0, id],
            false => vec![first, 3, 0, id, reason],
        };
        let publish = |first: u8| {
            // The property that 5.0 has there may be a topic alias.
            let body = match choice >> 5 {
                0 => vec![0, 1, b'a', 0, id, 3, 0x23, 0, reason],
                1 => vec![0, 0, 0, id, 3, 0x23, 0, reason],
                _ => vec![0, 1, b'a', 0, id, 0, reason],
            };
            let mut packet = vec![first, body.len() as u8];
            packet.extend(body);
            packet
        };
        let packet = match kind % 16 {
            0 => publish(0x32),
            1 => publish(0x3a),
            2 => publish(0x34),
            3 => publish(0x3c),
            4 => ack(0x40),
            5 | 6 => ack(0x50),
            7 => ack(0x62),
            8 | 9 => ack(0x70),
            10 => vec![0x90, 4, 0, id, 0, reason],
            11 => vec![0xb0, 4, 0, id, 0, reason],
            12 => vec![0x20, 3, choice >> 5, 0, 0],
            13 => vec![0xe0, 1, reason],
            14 => vec![0xf0, 1, reason],
            _ => vec![0xc0 + (choice & 0x10), 0],
        };
        self.say(side(choice), &packet);
    }

    fn say(&mut self, from: Side, bytes: &[u8]) {
        if self.may_lie {
            self.is_honest = false;
            self.end(from).link.extend_from_slice(bytes);
        }
    }

    /// What networks, programs and drivers do to a connection.
    pub(super) fn disturb(&mut self, script: &mut Script<'_>) {
        if !self.may_lie {
            return;
        }
        self.is_honest = false;
        let (now, choice) = (self.now, script.byte());
        let side = side(choice);
        match choice >> 1 & 7 {
            0 => self.end(side).link.clear(),
            1 => {
                let link = &mut self.end(side).link;
                let copy = link.clone();
                link.extend_from_slice(&copy);
            }
            2 => {
                self.cut();
                let end = self.end(side);
                end.session = Session::new();
                end.observed.forget();
                self.open(0);
            }
            3 => {
                // Decoded by somebody else: the state it comes in is no
                // matter.
                let mut connect = Connect::new(self.version, "fuzz");
                connect.keep_alive = choice.into();
                let packet = Packet::Connect(Box::new(connect));
                match &mut self.end(side).conn {
                    Some(Conn::Client(conn)) => drop(conn.handle_packet(packet, now)),
                    Some(Conn::Server(conn)) => {
                        if let Ok(Some(protocol::server::Event::Connect(connect))) =
                            conn.handle_packet(packet, now)
                        {
                            let limits = protocol::Limits::of_client(&connect);
                            self.server.observed.peer = limits;
                            self.connect = Some(connect);
                        }
                    }
                    None => {}
                }
            }
            4 => {
                // Answers to what was never asked.
                let id = codec::PacketId::new(u16::from(choice >> 4) + 1).expect("not 0");
                for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                    if let Some(conn) = &mut self.end(side).conn {
                        conn.acknowledge(qos, id, codec::ReasonCode::Success, now);
                    }
                }
            }
            _ => {
                if let Some(Conn::Server(conn)) = &mut self.server.conn {
                    let error = DecodeError::ProtocolLevel(9);
                    match choice >> 5 {
                        0 => drop(conn.handle_decode_error(error)),
                        1 => drop(conn.handle_connect_error(error, Some(ProtocolVersion::V5))),
                        2 => drop(conn.handle_connect_error(error, None)),
                        _ => drop(conn.handle_violation(Violation::TooManyLevels)),
                    }
                    assert!(conn.is_closed());
                }
            }
        }
    }
}

const fn side(choice: u8) -> Side {
    if choice & 1 == 0 { Client } else { Server }
}
