use bytes::Bytes;
use codec::{ByteString, PacketId, Publish, QoS, ReasonCode, TopicName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::clients::Subscriptions;
use super::{Asker, Code, Failure, clients, disconnect, info, layout, recent, subscribers};
use crate::names;

/// Longer payloads are refused.
pub(super) const MAX_PAYLOAD: usize = 64 << 10;
const REQUESTS: &str = "$dashboard/request/";

/// A question, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Request {
    name: ByteString,
    payload: Bytes,
    /// The Response Topic.
    pub response: TopicName,
    /// The Correlation Data.
    pub correlation: Option<Bytes>,
    /// What is to be acknowledged.
    pub packet: Option<(QoS, PacketId)>,
}

/// An answer's payload, or why there is none.
pub(crate) type Answer = Result<Vec<u8>, Failure>;

/// What a request comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An answer.
    Answer(Answer),
    /// An answer, once all that was submitted to the store is committed.
    Stored(Vec<u8>),
    /// Another client's connection has it.
    Awaited(oneshot::Receiver<Subscriptions>),
}

impl Request {
    /// The request in a PUBLISH below `$dashboard`.
    ///
    /// # Errors
    /// It is none, or nobody could hear the answer: what its acknowledgement
    /// says.
    pub(crate) fn new(publish: &Publish) -> Result<Self, ReasonCode> {
        let name = publish.topic.strip_prefix(REQUESTS);
        let name = name.ok_or(ReasonCode::NotAuthorized)?;
        let properties = &publish.properties;
        let response = properties.response_topic();
        let response = response.filter(|topic| names::check_topic(topic).is_ok());
        let response = response.and_then(|topic| TopicName::new(&**topic).ok());
        let response = response.filter(|topic| !topic.is_alias());
        Ok(Self {
            name: name.into(),
            payload: publish.payload.clone(),
            response: response.ok_or(ReasonCode::ImplementationSpecificError)?,
            correlation: properties.correlation_data().cloned(),
            packet: publish.packet_id.map(|id| (publish.qos, id)),
        })
    }

    /// Refuses it where names are others than the broker's.
    pub(crate) fn refuse_mounted() -> Answer {
        let text = "Through a listener with a mount_point the dashboard is not served.";
        Err(Failure::new(Code::Unavailable, text))
    }

    /// Carries it out.
    pub(crate) fn handle(&self, asker: Asker<'_>) -> Outcome {
        let handled = self.route(asker);
        handled.unwrap_or_else(|failure| Outcome::Answer(Err(failure)))
    }

    fn route(&self, asker: Asker<'_>) -> Result<Outcome, Failure> {
        if self.payload.len() > MAX_PAYLOAD {
            let text = "A request has at most 64 KB.";
            return Err(Failure::new(Code::TooLarge, text));
        }
        match &*self.name {
            "info" => answer(&info::info(asker)),
            "subscribers" => answer(&subscribers::subscribers(asker, &self.read()?)?),
            "recent" => recent::recent(asker, &self.read()?).map(Outcome::from),
            "clients" => answer(&clients::clients(asker, &self.read()?)?),
            "subscriptions" => clients::subscriptions(asker, &self.read()?),
            "disconnect" => answer(&disconnect::disconnect(asker, &self.read()?)?),
            "layout" => layout::change(asker, &self.read()?),
            _ => {
                let text = "This broker knows no such request: it may be older than the page.";
                Err(Failure::new(Code::Unknown, text))
            }
        }
    }

    /// The payload.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let payload: &[u8] = if self.payload.is_empty() {
            b"{}"
        } else {
            &self.payload
        };
        serde_json::from_slice(payload)
            .map_err(|error| Failure::new(Code::Malformed, format!("Not as wanted: {error}.")))
    }
}

impl From<Vec<u8>> for Outcome {
    fn from(answer: Vec<u8>) -> Self {
        Self::Answer(Ok(answer))
    }
}

/// As JSON.
pub(super) fn encode(answer: &impl Serialize) -> Answer {
    serde_json::to_vec(answer)
        .map_err(|error| Failure::new(Code::Unavailable, format!("No answer: {error}.")))
}

fn answer(answer: &impl Serialize) -> Result<Outcome, Failure> {
    Ok(encode(answer)?.into())
}
