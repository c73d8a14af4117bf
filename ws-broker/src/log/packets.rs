//! A line for every packet, for `-v`.

use bytes::Bytes;
use codec::{FixedHeader, Packet, ProtocolVersion, Publish, TopicFilter};

use super::debug;

/// Writes what `client` has sent. CONNECT has lines of its own, and
/// subscriptions are written when they are granted.
pub(crate) fn received(client: &str, packet: &Packet) {
    match packet {
        Packet::Publish(publish) => debug!(
            client,
            topic = &*publish.topic,
            "Received PUBLISH from {client} {}",
            describe(publish)
        ),
        Packet::PubAck(ack) | Packet::PubComp(ack) => debug!(
            client,
            "Received {} from {client} (Mid: {}, RC:{})",
            packet.packet_type().name(),
            ack.packet_id,
            ack.reason.as_u8()
        ),
        Packet::PubRec(ack) | Packet::PubRel(ack) => debug!(
            client,
            "Received {} from {client} (Mid: {})",
            packet.packet_type().name(),
            ack.packet_id
        ),
        Packet::Connect(_) => {}
        Packet::ConnAck(_) => debug!("Received CONNACK on connection {client}."),
        _ => debug!(
            client,
            "Received {} from {client}",
            packet.packet_type().name()
        ),
    }
    if let Packet::Unsubscribe(unsubscribe) = packet {
        for filter in &unsubscribe.filters {
            debug!("\t{filter}");
        }
    }
}

/// Writes what is sent to `client`: whole packets, encoded.
pub(crate) fn sent(client: &str, version: ProtocolVersion, packets: &[u8]) {
    let mut rest = packets;
    while let Ok(Some(header)) = FixedHeader::peek(rest, usize::MAX) {
        let Some((packet, others)) = rest.split_at_checked(header.packet_len()) else {
            return;
        };
        rest = others;
        let body = Bytes::copy_from_slice(&packet[header.len..]);
        let Ok(packet) = Packet::decode_body(header, &body, version) else {
            return;
        };
        let name = packet.packet_type().name();
        match &packet {
            Packet::ConnAck(connack) => {
                let code = if version.is_v5() {
                    connack.reason.as_u8()
                } else {
                    connack.reason.to_v3_connect()
                };
                let present = u8::from(connack.session_present);
                debug!(client, "Sending CONNACK to {client} ({present}, {code})");
            }
            Packet::Publish(publish) => {
                debug!(
                    client,
                    topic = &*publish.topic,
                    "Sending PUBLISH to {client} {}",
                    describe(publish)
                );
            }
            Packet::PubAck(ack) | Packet::PubRec(ack) => debug!(
                client,
                "Sending {name} to {client} (m{}, rc{})",
                ack.packet_id,
                ack.reason.as_u8()
            ),
            Packet::PubRel(ack) | Packet::PubComp(ack) => {
                debug!(client, "Sending {name} to {client} (m{})", ack.packet_id);
            }
            Packet::Disconnect(disconnect) => debug!(
                client,
                "Sending DISCONNECT to {client} (rc{})",
                disconnect.reason.as_u8()
            ),
            // What only bridges send.
            Packet::Connect(connect) => {
                debug!("Bridge {} sending CONNECT", connect.client_id);
            }
            Packet::Subscribe(subscribe) => {
                for subscription in &subscribe.subscriptions {
                    debug!(
                        "Bridge {client} sending SUBSCRIBE (Mid: {}, Topic: {}, QoS: {})",
                        subscribe.packet_id,
                        subscription.filter,
                        subscription.options.qos.as_u8()
                    );
                }
            }
            Packet::Unsubscribe(unsubscribe) => {
                for filter in &unsubscribe.filters {
                    debug!(
                        "Bridge {client} sending UNSUBSCRIBE (Mid: {}, Topic: {filter})",
                        unsubscribe.packet_id
                    );
                }
            }
            _ => debug!(client, "Sending {name} to {client}"),
        }
    }
}

/// Writes the lines of a subscription that is granted.
pub(crate) fn subscribed(client: &str, filter: &TopicFilter, qos: u8) {
    let topic = filter.as_str();
    debug!(client, topic, "\t{filter} (QoS {qos})");
    super::subscribe!(client, topic, "{client} {qos} {filter}");
}

/// Writes the line of a subscription that is given up.
pub(crate) fn unsubscribed(client: &str, filter: &TopicFilter) {
    let topic = filter.as_str();
    super::unsubscribe!(client, topic, "{client} {filter}");
}

/// A PUBLISH in brief.
pub(crate) fn describe(publish: &Publish) -> String {
    format!(
        "(d{}, q{}, r{}, m{}, '{}', ... ({} bytes))",
        u8::from(publish.dup),
        publish.qos.as_u8(),
        u8::from(publish.retain),
        publish.packet_id.map_or(0, codec::PacketId::get),
        publish.topic,
        publish.payload.len()
    )
}
