//! A device's connection to a broker: MQTT over TCP, and again when it is
//! lost.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use codec::{
    Connect, Properties, ProtocolVersion, Publish, QoS, ReasonCode, Subscription, TopicFilter,
    TopicName,
};
use protocol::client::{Connection, Event};
use protocol::{Delivery, Message, Session, Time};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::device::{Device, Publication};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE_SECONDS: u16 = 30;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Connects `device` to the broker at `address`, `HOST:PORT`, for ever.
pub async fn run(mut device: impl Device, address: &str) {
    let mut pause = FIRST_PAUSE;
    let mut is_told = false;
    loop {
        let lost = match TcpStream::connect(address).await {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                let started = Instant::now();
                let lost = serve(&mut device, stream).await;
                if started.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                    is_told = false;
                }
                lost
            }
            Err(error) => error,
        };
        if !is_told {
            say(&format!("{}: {lost}; trying again", device.client_id()));
            is_told = true;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[expect(clippy::print_stderr, reason = "the kitchen is a terminal program")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// Serves one connection until it is lost; gives the reason.
pub async fn serve(
    device: &mut impl Device,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Error {
    let started = Instant::now();
    let now = || {
        let millis = started.elapsed().as_millis();
        Time::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    };
    let connect = Connect {
        keep_alive: KEEP_ALIVE_SECONDS,
        ..Connect::new(ProtocolVersion::V3_1_1, device.client_id())
    };
    let mut connection = match Connection::new(connect, Session::new(), CONNECT_TIMEOUT, now()) {
        Ok(connection) => connection,
        Err(error) => return io::Error::other(error),
    };
    let mut input = BytesMut::new();
    let mut next_tick = device.interval().map(|interval| Instant::now() + interval);
    loop {
        let output = connection.output();
        while !output.is_empty() {
            match stream.write(output).await {
                Ok(written) => output.advance(written),
                Err(error) => return error,
            }
        }
        if connection.is_closed() {
            return io::Error::other("the connection is closed");
        }
        let timeout = connection
            .poll_timeout()
            .map(|at| started + Duration::from_millis(at.as_millis()));
        tokio::select! {
            read = stream.read_buf(&mut input) => match read {
                Ok(0) => return io::ErrorKind::ConnectionAborted.into(),
                Ok(_) => loop {
                    match connection.handle_input(&mut input, now()) {
                        Ok(None) => break,
                        Ok(Some(event)) => {
                            if let Err(error) = handle(device, &mut connection, event, now()) {
                                return error;
                            }
                        }
                        Err(violation) => return io::Error::other(violation),
                    }
                },
                Err(error) => return error,
            },
            () = until(next_tick) => {
                next_tick = device.interval().map(|interval| Instant::now() + interval);
                if connection.is_connected() {
                    publish(&mut connection, device.tick(), now());
                }
            }
            () = until(timeout) => if let Err(violation) = connection.handle_timeout(now()) {
                return io::Error::other(violation);
            },
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn handle(
    device: &mut impl Device,
    connection: &mut Connection,
    event: Event,
    now: Time,
) -> io::Result<()> {
    match event {
        Event::ConnAck { connack, .. } if connack.reason.is_failure() => {
            return Err(io::Error::other(format!(
                "the broker refuses: {}",
                connack.reason.text()
            )));
        }
        Event::ConnAck { .. } => {
            if let Some(filter) = device.filter() {
                let subscription = Subscription {
                    filter: TopicFilter::new(filter).map_err(io::Error::other)?,
                    options: QoS::AtLeastOnce.into(),
                };
                connection
                    .subscribe(vec![subscription], Properties::new(), 0, now)
                    .map_err(io::Error::other)?;
            }
            let first = device.connected();
            publish(connection, first, now);
        }
        Event::Publish(message) => {
            let answer = hear(device, &message);
            if let Some(id) = message.packet_id {
                connection.acknowledge(message.qos, id, ReasonCode::Success, now);
            }
            publish(connection, answer, now);
        }
        Event::SubAck { suback, .. } if suback.reasons.iter().any(|r| r.is_failure()) => {
            return Err(io::Error::other("the broker refuses the subscription"));
        }
        _ => {}
    }
    Ok(())
}

fn hear(device: &mut impl Device, message: &Publish) -> Option<Publication> {
    let payload = std::str::from_utf8(&message.payload).ok()?;
    device.message(&message.topic, payload)
}

/// A value that does not fit into the window is old news by the time it does.
fn publish(connection: &mut Connection, publication: Option<Publication>, now: Time) {
    let Some(publication) = publication else {
        return;
    };
    let topic = TopicName::new(publication.topic).expect("a topic of the kitchen has no wildcard");
    let message = Arc::new(Message::new(topic, publication.payload));
    let mut delivery = Delivery::new(message, publication.qos);
    delivery.retain = publication.retain;
    let _ = connection.publish(delivery, now);
}

#[cfg(test)]
mod tests {
    use codec::{ConnAck, Packet, SubAck};
    use protocol::{Limits, server};
    use tokio::io::DuplexStream;

    use super::*;
    use crate::Purifier;

    /// A broker that gives every packet of one client to the test.
    struct Broker {
        stream: DuplexStream,
        input: BytesMut,
        connection: server::Connection,
    }

    impl Broker {
        async fn event(&mut self) -> server::Event {
            loop {
                let now = Time::default();
                self.flush().await;
                if let Some(event) = self.connection.handle_input(&mut self.input, now).unwrap() {
                    return event;
                }
                self.flush().await;
                assert_ne!(self.stream.read_buf(&mut self.input).await.unwrap(), 0);
            }
        }

        async fn flush(&mut self) {
            let output = std::mem::take(self.connection.output());
            self.stream.write_all(&output).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_device_subscribes_says_its_state_hears_and_answers() {
        let (here, there) = tokio::io::duplex(4096);
        let device = tokio::spawn(async move { serve(&mut Purifier::default(), there).await });
        let now = Time::default();
        let mut broker = Broker {
            stream: here,
            input: BytesMut::new(),
            connection: server::Connection::new(Limits::NONE, CONNECT_TIMEOUT, now),
        };
        let server::Event::Connect(connect) = broker.event().await else {
            panic!("CONNECT comes first");
        };
        assert_eq!(connect.client_id, "purifier");
        let connack = ConnAck::new(false, ReasonCode::Success);
        broker.connection.accept(Session::new(), connack, 20, now);
        let server::Event::Subscribe(subscribe) = broker.event().await else {
            panic!("then it subscribes");
        };
        assert_eq!(&*subscribe.subscriptions[0].filter, "Kitchen/AirQuality");
        broker.connection.suback(SubAck {
            packet_id: subscribe.packet_id,
            reasons: vec![ReasonCode::GrantedQoS1],
            properties: Properties::new(),
        });
        let server::Event::Publish(state) = broker.event().await else {
            panic!("then it says its state");
        };
        assert_eq!((&state.payload[..], state.retain), (&b"Turn Off"[..], true));

        let topic = TopicName::new("Kitchen/AirQuality").unwrap();
        let message = Arc::new(Message::new(topic, "CO2:1240"));
        let delivery = Delivery::new(message, QoS::AtLeastOnce);
        broker.connection.publish(delivery, now).unwrap();
        let mut events = [broker.event().await, broker.event().await];
        events.sort_by_key(|event| matches!(event, server::Event::Publish(_)));
        assert!(
            matches!(events[0], server::Event::Delivered(_)),
            "{events:?}"
        );
        let server::Event::Publish(state) = &events[1] else {
            panic!("{events:?}");
        };
        assert_eq!(&state.payload[..], b"Turn On");

        let mut bye = BytesMut::new();
        Packet::PingReq
            .encode(ProtocolVersion::V3_1_1, &mut bye)
            .unwrap();
        broker.stream.write_all(&bye).await.unwrap();
        let lost = device.await.unwrap();
        assert!(lost.to_string().contains("PINGREQ"), "{lost}");
    }
}
