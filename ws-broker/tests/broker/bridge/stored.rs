//! A broker that is killed, and bridges on when it starts again.

use codec::{Ack, Packet, PacketId, ProtocolVersion, QoS, ReasonCode};
use nix::sys::signal::Signal;

use super::remote::Remote;
use crate::common::{Program, message, v5};
use crate::sessions::kept;

async fn start(folder: &std::path::Path, remote: &Remote) -> Program {
    let config = format!(
        "listener 0 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}\n\
         connection up\naddress {}\nremote_clientid far\nnotifications false\n\
         restart_timeout 1\ntopic # both 2 here/ there/\n",
        folder.display(),
        remote.address()
    );
    Program::start(&config, &[]).await
}

#[tokio::test]
async fn nothing_is_lost_or_sent_twice_when_the_broker_is_killed() {
    let name = format!("bridge-store-{}", std::process::id());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    let remote = Remote::start().await;
    let mut near = start(&folder, &remote).await;
    let mut link = remote.connected(false).await;
    let mut subscriber = near.client(kept(ProtocolVersion::V3_1_1, "here")).await;
    subscriber.subscribe("here/in", QoS::ExactlyOnce).await;
    let mut publisher = near.client(v5("near")).await;
    let publish = |text: &str, qos| message("here/x", text.to_owned(), qos);
    publisher.publish(publish("1", QoS::AtLeastOnce)).await;
    publisher.publish(publish("2", QoS::ExactlyOnce)).await;
    publisher.publish(publish("2b", QoS::ExactlyOnce)).await;
    let one = link.unacknowledged().await;
    let two = link.unacknowledged().await.packet_id.unwrap();
    let two_b = link.unacknowledged().await;
    link.send(Packet::PubRec(Ack::new(two, ReasonCode::Success)))
        .await;
    link.pubrel(two).await;
    let mut incoming = message("there/in", "once", QoS::ExactlyOnce);
    incoming.packet_id = PacketId::new(9);
    link.send(Packet::Publish(incoming.clone())).await;
    link.pubrec(PacketId::new(9).unwrap()).await;
    drop(link);
    publisher.publish(publish("3", QoS::ExactlyOnce)).await;
    near.signal(Signal::SIGKILL);
    near.ended().await;

    let near = start(&folder, &remote).await;
    let mut link = remote.connected(true).await;
    let again = link.unacknowledged().await;
    assert!(again.dup && again.packet_id == one.packet_id && again.payload == "1");
    assert_eq!(&*again.topic, "there/x");
    let again = link.unacknowledged().await;
    assert!(again.dup && again.packet_id == two_b.packet_id && again.payload == "2b");
    link.pubrel(two).await;
    assert_eq!(link.unacknowledged().await.payload, "3");
    incoming.dup = true;
    link.publish(incoming).await;
    link.publish(message("there/in", "end", QoS::AtLeastOnce))
        .await;
    let mut subscriber = near.client(kept(ProtocolVersion::V3_1_1, "here")).await;
    assert_eq!(subscriber.text().await.1, "once");
    assert_eq!(subscriber.text().await.1, "end");
    std::fs::remove_dir_all(&folder).ok();
}
