use std::path::Path;

use nix::sys::signal::Signal;
use tokio::process::Command;

use crate::lines::{Lines, Sink};
use crate::program::Process;
use crate::{Broker, tool};

/// A library or a program that people connect to a broker with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// paho-mqtt 1.6.1, over TCP.
    Paho161,
    /// paho-mqtt 2.x, over TCP.
    Paho2,
    /// `mosquitto_pub` and `mosquitto_sub`, over TCP.
    Mosquitto,
    /// MQTT.js 5, over WebSocket.
    MqttJs,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Paho161, Kind::Paho2, Kind::Mosquitto, Kind::MqttJs];
}

/// A version of the protocol, which all of [`Kind`] speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.
    V31 = 3,
    /// MQTT 3.1.1.
    V311 = 4,
    /// MQTT 5.0.
    V5 = 5,
}

impl Version {
    /// All of them.
    pub const ALL: [Version; 3] = [Version::V31, Version::V311, Version::V5];

    /// As Mosquitto's clients call it.
    fn option(self) -> &'static str {
        match self {
            Version::V31 => "mqttv31",
            Version::V311 => "mqttv311",
            Version::V5 => "mqttv5",
        }
    }
}

/// A message as a client sends or gets it. Its topic has no spaces in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its quality of service.
    pub qos: u8,
    /// Whether it is to be kept, or was.
    pub retain: bool,
    /// What it says.
    pub payload: Vec<u8>,
}

impl Message {
    /// One that is not retained.
    #[must_use]
    pub fn new(topic: &str, qos: u8, payload: impl AsRef<[u8]>) -> Message {
        Message {
            topic: topic.to_owned(),
            qos,
            retain: false,
            payload: payload.as_ref().to_vec(),
        }
    }

    /// The same, retained.
    #[must_use]
    pub fn retained(self) -> Message {
        Message {
            retain: true,
            ..self
        }
    }

    /// As the agents write it: topic, QoS, retained or not, payload.
    fn words(&self) -> [String; 4] {
        let hex: String = self
            .payload
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        [
            self.topic.clone(),
            self.qos.to_string(),
            u8::from(self.retain).to_string(),
            if hex.is_empty() { "-".to_owned() } else { hex },
        ]
    }

    /// From a line that an agent, or `mosquitto_sub` with [`FORMAT`], wrote.
    fn read(line: &str) -> Option<Message> {
        let mut words = line.strip_prefix("message ")?.split(' ');
        let (topic, qos, retain) = (words.next()?, words.next()?, words.next()?);
        let hex = words.next()?.trim_start_matches('-');
        let byte = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        Some(Message {
            topic: topic.to_owned(),
            qos: qos.parse().ok()?,
            retain: retain == "1",
            payload: (0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?,
        })
    }
}

/// How `mosquitto_sub` is to print a message.
const FORMAT: &str = "message %t %q %r %x";

/// How a client connects.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The session is to outlive the connection.
    pub keep: bool,
    /// What is said when the client dies.
    pub will: Option<Message>,
}

/// A client of some kind, all of them driven alike. It is killed on drop.
#[derive(Debug)]
pub struct Client {
    kind: Kind,
    version: Version,
    port: u16,
    id: String,
    options: Options,
    sink: Sink,
    lines: Lines,
    /// The agent, or `mosquitto_sub` once there is something to listen to.
    process: Option<Process>,
}

impl Client {
    /// Connects with a clean session.
    pub async fn connect(broker: &Broker, kind: Kind, version: Version, id: &str) -> Client {
        Client::with(broker, kind, version, id, Options::default()).await
    }

    /// Connects. `mosquitto_sub` does when it subscribes.
    pub async fn with(
        broker: &Broker,
        kind: Kind,
        version: Version,
        id: &str,
        options: Options,
    ) -> Client {
        let (sink, lines) = Lines::new();
        let port = if kind == Kind::MqttJs {
            broker.web
        } else {
            broker.mqtt
        };
        let mut client = Client {
            kind,
            version,
            port,
            id: id.to_owned(),
            options,
            sink,
            lines,
            process: None,
        };
        if kind != Kind::Mosquitto {
            client.process = Some(Process::start(client.agent(), &client.sink));
            let present = client.answer("connected ").await;
            assert_eq!(present, "0", "{client:?} has a session already");
        }
        client
    }

    /// Subscribes, and checks that the quality is granted. A client is driven
    /// alike only while it subscribes once.
    pub async fn subscribe(&mut self, filter: &str, qos: u8) {
        if self.kind == Kind::Mosquitto {
            let listen = self.mosquitto_sub(filter, qos);
            self.process = Some(Process::start(listen, &self.sink));
            let granted = self.answer("Subscribed (mid: 1): ").await;
            assert_eq!(granted, qos.to_string());
        } else {
            self.tell(&format!("subscribe {qos} {filter}")).await;
            let granted = self.answer("subscribed ").await;
            assert_eq!(granted, qos.to_string());
        }
    }

    /// Publishes, and waits until the broker has it as the QoS promises.
    /// Returns the milliseconds since 1970 just before.
    pub async fn publish(&mut self, message: &Message) -> u64 {
        let words = message.words();
        if self.kind == Kind::Mosquitto {
            let before = std::time::SystemTime::UNIX_EPOCH.elapsed();
            let mut process = Process::start(self.mosquitto_pub(message), &self.sink);
            if !message.payload.is_empty() {
                process.give(&message.payload).await;
            }
            let status = process.ended().await;
            assert!(status.success(), "mosquitto_pub: {status}");
            u64::try_from(before.expect("it is after 1970").as_millis()).expect("for a while")
        } else {
            self.tell(&format!("publish {}", words.join(" "))).await;
            let before = self.answer("published ").await;
            before.parse().expect("agents say milliseconds")
        }
    }

    /// The next message that came.
    pub async fn message(&mut self) -> Message {
        let what = format!("a message for {}", self.id);
        self.lines.find(&what, Message::read).await
    }

    /// So many messages, or fewer if no more come in time.
    pub async fn up_to(&mut self, count: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        while messages.len() < count
            && let Ok(message) = self.lines.next(Message::read).await
        {
            messages.push(message);
        }
        messages
    }

    /// The messages that are there and were not asked for.
    pub fn messages(&mut self) -> Vec<Message> {
        self.lines.all(Message::read)
    }

    /// Disconnects properly.
    pub async fn leave(&mut self) {
        let Some(process) = &self.process else {
            // mosquitto_pub left as it had published.
            return;
        };
        if self.kind == Kind::Mosquitto {
            // What Ctrl-C does.
            process.signal(Signal::SIGINT);
        } else {
            self.tell("leave").await;
            self.answer("left").await;
        }
        self.process().ended().await;
    }

    /// Connects again, to the session that was kept, and says whether it was
    /// there. `mosquitto_sub` cannot without subscribing again.
    pub async fn come_back(&mut self, filter: &str, qos: u8) -> bool {
        assert!(self.options.keep, "there is no session to come back to");
        if self.kind == Kind::Mosquitto {
            self.subscribe(filter, qos).await;
            // It does not tell; the messages will.
            return true;
        }
        self.process = Some(Process::start(self.agent(), &self.sink));
        self.answer("connected ").await == "1"
    }

    /// Kills it, as a power cut would.
    pub async fn kill(&mut self) {
        self.process().kill().await;
    }

    fn process(&mut self) -> &mut Process {
        self.process
            .as_mut()
            .expect("mosquitto_sub runs once it has subscribed")
    }

    async fn tell(&mut self, line: &str) {
        self.process().tell(line).await;
    }

    async fn answer(&mut self, start: &str) -> String {
        let what = format!("\"{start}\" from {}", self.id);
        let rest = |line: &str| line.strip_prefix(start).map(str::to_owned);
        self.lines.find(&what, rest).await
    }

    fn agent(&self) -> Command {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let (program, script) = match self.kind {
            Kind::Paho161 => ("E2E_PYTHON161", "paho_agent.py"),
            Kind::Paho2 => ("E2E_PYTHON2", "paho_agent.py"),
            Kind::MqttJs => ("E2E_NODE", "mqttjs_agent.mjs"),
            Kind::Mosquitto => unreachable!("it has programs of its own"),
        };
        let mut command = Command::new(tool(program));
        if self.kind == Kind::MqttJs {
            command.env("E2E_NODE_MODULES", tool("E2E_NODE_MODULES"));
        }
        let version = self.version as u8;
        command.arg(clients.join(script)).args([
            &self.port.to_string(),
            &self.id,
            &version.to_string(),
        ]);
        if self.options.keep {
            command.arg("--keep");
        }
        if let Some(will) = &self.options.will {
            command.arg("--will").args(will.words());
        }
        command
    }

    fn mosquitto_sub(&self, filter: &str, qos: u8) -> Command {
        // It keeps what it says to itself while it writes to a pipe.
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg(tool("E2E_MOSQUITTO_SUB"));
        self.connection(&mut command, &self.id);
        command.args(["-d", "-F", FORMAT, "-t", filter, "-q", &qos.to_string()]);
        if self.options.keep {
            command.arg("-c");
            if self.version == Version::V5 {
                command.args(["-x", "3600"]);
            }
        }
        if let Some(will) = &self.options.will {
            let payload = String::from_utf8(will.payload.clone()).expect("an argument is text");
            command.args(["--will-topic", &will.topic, "--will-payload", &payload]);
            command.args(["--will-qos", &will.qos.to_string()]);
            if will.retain {
                command.arg("--will-retain");
            }
        }
        command
    }

    fn mosquitto_pub(&self, message: &Message) -> Command {
        let mut command = Command::new(tool("E2E_MOSQUITTO_PUB"));
        self.connection(&mut command, &format!("{}-pub", self.id));
        command.args(["-t", &message.topic, "-q", &message.qos.to_string()]);
        // From its standard input, since an argument cannot hold every byte.
        command.arg(if message.payload.is_empty() {
            "-n"
        } else {
            "-s"
        });
        if message.retain {
            command.arg("-r");
        }
        command
    }

    /// What both of Mosquitto's clients are told.
    fn connection(&self, command: &mut Command, id: &str) {
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-i", id]);
        command.args(["-V", self.version.option()]);
    }
}
