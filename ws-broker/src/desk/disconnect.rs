use codec::ByteString;
use serde::{Deserialize, Serialize};

use super::{Asker, Code, Failure};
use crate::sessions::Command;

#[derive(Debug, Deserialize)]
pub(super) struct Question {
    client: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Done {}

/// Has a client's connection closed; it may come back.
pub(super) fn disconnect(asker: Asker<'_>, question: &Question) -> Result<Done, Failure> {
    asker.check("disconnect")?;
    let id = ByteString::from(question.client.as_str());
    let Some(control) = asker.broker.sessions.control(&id) else {
        let text = "No client with this identifier is connected.";
        return Err(Failure::new(Code::NotFound, text));
    };
    control.send(Command::Disconnect {
        by: asker.who.client_id.clone(),
    });
    Ok(Done {})
}
