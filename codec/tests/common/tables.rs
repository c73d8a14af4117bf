//! The specification's tables, put down packet by packet as its chapter 3
//! lists them, so that they check the codec's own, which are put down the
//! other way round.

use codec::PacketType::{self, *};

/// The reason codes of each packet (tables 3-1, 3-4 to 3-9, 3-13 and the like).
pub(crate) fn reason_codes(packet: PacketType) -> &'static [u8] {
    match packet {
        ConnAck => &[
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90,
            0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
        ],
        PubAck | PubRec => &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
        PubRel | PubComp => &[0x00, 0x92],
        SubAck => &[
            0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2,
        ],
        UnsubAck => &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
        Disconnect => &[
            0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90,
            0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0,
            0xa1, 0xa2,
        ],
        Auth => &[0x00, 0x18, 0x19],
        Connect | Publish | Subscribe | Unsubscribe | PingReq | PingResp => &[],
    }
}

/// What may have properties: a packet, or the will inside CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Packet(PacketType),
    Will,
}

pub(crate) const HOLDERS: &[Holder] = &[
    Holder::Packet(Connect),
    Holder::Will,
    Holder::Packet(ConnAck),
    Holder::Packet(Publish),
    Holder::Packet(PubAck),
    Holder::Packet(PubRec),
    Holder::Packet(PubRel),
    Holder::Packet(PubComp),
    Holder::Packet(Subscribe),
    Holder::Packet(SubAck),
    Holder::Packet(Unsubscribe),
    Holder::Packet(UnsubAck),
    Holder::Packet(Disconnect),
    Holder::Packet(Auth),
];

/// The properties of each packet (the sections 3.x.2 "Properties").
pub(crate) fn properties(holder: Holder) -> &'static [u8] {
    match holder {
        Holder::Will => &[0x18, 0x01, 0x02, 0x03, 0x08, 0x09, 0x26],
        Holder::Packet(Connect) => &[0x11, 0x21, 0x27, 0x22, 0x19, 0x17, 0x26, 0x15, 0x16],
        Holder::Packet(ConnAck) => &[
            0x11, 0x21, 0x24, 0x25, 0x27, 0x12, 0x22, 0x1f, 0x26, 0x28, 0x29, 0x2a, 0x13, 0x1a,
            0x1c, 0x15, 0x16,
        ],
        Holder::Packet(Publish) => &[0x01, 0x02, 0x23, 0x08, 0x09, 0x26, 0x0b, 0x03],
        Holder::Packet(PubAck | PubRec | PubRel | PubComp | SubAck | UnsubAck) => &[0x1f, 0x26],
        Holder::Packet(Subscribe) => &[0x0b, 0x26],
        Holder::Packet(Unsubscribe) => &[0x26],
        Holder::Packet(Disconnect) => &[0x11, 0x1f, 0x26, 0x1c],
        Holder::Packet(Auth) => &[0x15, 0x16, 0x1f, 0x26],
        Holder::Packet(PingReq | PingResp) => &[],
    }
}

/// Every property in bytes, with its identifier (section 2.2.2.2).
pub(crate) const PROPERTIES: &[&str] = &[
    "01 01",
    "02 00000e10",
    "03 <text/plain>",
    "08 <reply/to>",
    "09 0003 00ff80",
    "0b ffffff7f",
    "11 ffffffff",
    "12 <auto-1>",
    "13 001e",
    "15 <SCRAM>",
    "16 0002 0001",
    "17 00",
    "18 0000000a",
    "19 01",
    "1a <inbox>",
    "1c <other:1883>",
    "1f <why>",
    "21 0014",
    "22 000a",
    "23 0001",
    "24 01",
    "25 00",
    "26 <name> <value>",
    "27 00010000",
    "28 00",
    "29 00",
    "2a 00",
];
