//! The destinations.

use std::cell::Cell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use codec::{Properties, Property, QoS, TopicName};
use protocol::Message;

use super::settings::{Destination, LogFile};
use super::types::Type;
use super::writer::{Line, Output, Writer};
use crate::broker::Broker;
use crate::router::Publication;

/// How long to wait when a destination that never blocks is full.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a published line waits for its readers, as in Mosquitto.
const EXPIRY_SECONDS: u32 = 20;

/// Starts what writes to a destination.
pub(super) fn start(destination: &Destination, facility: Option<u8>) -> Option<Writer> {
    match destination {
        Destination::Stderr => Writer::start(Stream(io::stderr())),
        Destination::Stdout => Writer::start(Stream(io::stdout())),
        Destination::File(LogFile { path, file }) => Writer::start(Reporting {
            stream: Stream(file.clone()),
            path: path.clone(),
            works: true,
        }),
        Destination::Topic => Writer::start(Topic),
        Destination::Syslog => start_syslog(facility),
    }
}

struct Stream<W>(W);

impl<W: Write + Send + 'static> Output for Stream<W> {
    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let bytes = lines.iter().map(|(_, text)| text.len() + 1).sum();
        let mut all = String::with_capacity(bytes);
        for (_, text) in lines {
            all.push_str(text);
            all.push('\n');
        }
        let mut rest = all.as_bytes();
        while !rest.is_empty() {
            match self.0.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Whoever started this program may have made its pipe so.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        self.0.flush()
    }
}

/// A file; that it cannot be written is said where the log itself cannot.
struct Reporting {
    stream: Stream<Arc<std::fs::File>>,
    path: PathBuf,
    works: bool,
}

impl Output for Reporting {
    #[expect(clippy::print_stderr, reason = "the log is what does not work")]
    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let written = self.stream.write(lines);
        if let Err(error) = &written
            && self.works
        {
            let path = self.path.display();
            eprintln!("Error: cannot write the log to {path}: {error}.");
        }
        self.works = written.is_ok();
        written
    }
}

/// The broker whose topics lines are published to.
static BROKER: Mutex<Weak<Broker>> = Mutex::new(Weak::new());

thread_local! {
    /// Whether this thread publishes a line: what comes of that is not
    /// published.
    static IS_PUBLISHING: Cell<bool> = const { Cell::new(false) };
}

/// From here on `log_dest topic` is served by this broker.
pub(crate) fn publish_by(broker: &Arc<Broker>) {
    *BROKER.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(broker);
}

/// Whether a line may go to a destination.
pub(super) fn takes(destination: &Destination, kind: Type) -> bool {
    *destination != Destination::Topic || kind.topic().is_some() && !IS_PUBLISHING.with(Cell::get)
}

struct Topic;

impl Output for Topic {
    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let broker = BROKER
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .upgrade();
        let Some(broker) = broker else {
            // Nobody can be subscribed yet.
            return Ok(());
        };
        IS_PUBLISHING.with(|is| is.set(true));
        for (kind, text) in lines {
            let name = kind.topic().map(|name| format!("$SYS/broker/log/{name}"));
            let Some(Ok(name)) = name.map(TopicName::new) else {
                continue;
            };
            let now = broker.clock.now();
            let expiry = Property::MessageExpiryInterval(EXPIRY_SECONDS);
            let properties = Properties::new().with(expiry);
            let payload = text.clone().into_bytes().into();
            let message = Arc::new(Message::from_parts(name, payload, properties, now));
            let publication = Publication {
                message: &message,
                qos: QoS::ExactlyOnce,
                retain: false,
            };
            broker.publish(publication, now);
        }
        IS_PUBLISHING.with(|is| is.set(false));
        Ok(())
    }
}

#[cfg(unix)]
fn start_syslog(facility: Option<u8>) -> Option<Writer> {
    Writer::start(syslog::Syslog::open(facility))
}

/// The configuration is refused before it comes to this.
#[cfg(not(unix))]
fn start_syslog(_: Option<u8>) -> Option<Writer> {
    None
}

#[cfg(unix)]
mod syslog {
    use std::io;

    use nix::syslog::{Facility, LogFlags, Priority, Severity, openlog, syslog};

    use super::super::types::Type;
    use super::super::writer::{Line, Output};

    pub(super) struct Syslog(Facility);

    impl Syslog {
        /// For local0 to local7, or for daemons.
        pub(super) fn open(facility: Option<u8>) -> Self {
            let facility = match facility {
                Some(0) => Facility::LOG_LOCAL0,
                Some(1) => Facility::LOG_LOCAL1,
                Some(2) => Facility::LOG_LOCAL2,
                Some(3) => Facility::LOG_LOCAL3,
                Some(4) => Facility::LOG_LOCAL4,
                Some(5) => Facility::LOG_LOCAL5,
                Some(6) => Facility::LOG_LOCAL6,
                Some(7) => Facility::LOG_LOCAL7,
                _ => Facility::LOG_DAEMON,
            };
            #[cfg(target_os = "linux")]
            let name = Some(c"ws-broker");
            // Elsewhere it has to live for ever, and the system knows the
            // program's name anyway.
            #[cfg(not(target_os = "linux"))]
            let name: Option<&str> = None;
            // It fails for names with a NUL only.
            let _ = openlog(name, LogFlags::LOG_PID | LogFlags::LOG_CONS, facility);
            Self(facility)
        }
    }

    impl Output for Syslog {
        fn write(&mut self, lines: &[Line]) -> io::Result<()> {
            for (kind, text) in lines {
                let severity = match kind {
                    Type::Error => Severity::LOG_ERR,
                    Type::Warning => Severity::LOG_WARNING,
                    Type::Notice | Type::Subscribe | Type::Unsubscribe => Severity::LOG_NOTICE,
                    Type::Information => Severity::LOG_INFO,
                    Type::Debug => Severity::LOG_DEBUG,
                };
                syslog(Priority::new(severity, self.0), text)?;
            }
            Ok(())
        }
    }
}
