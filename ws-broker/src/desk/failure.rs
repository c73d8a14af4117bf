use serde::Serialize;

/// Why a request was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// There is no such request.
    Unknown,
    /// The payload is not what the request wants.
    Malformed,
    /// The `acl_file` does not let this client ask it.
    NotAllowed,
    /// Somebody else has changed it meanwhile.
    Conflict,
    /// The request, or the answer, is too large.
    TooLarge,
    /// What it names is not there.
    NotFound,
    /// The broker cannot do it now, or here.
    Unavailable,
}

/// The answer to a request that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    error: Code,
    /// One line that a person can act on.
    text: String,
    /// What is there, in a conflict.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
}

impl Failure {
    /// A failure, and what to do about it.
    pub(crate) fn new(error: Code, text: impl Into<String>) -> Self {
        Self {
            error,
            text: text.into(),
            revision: None,
        }
    }

    /// Somebody was faster.
    pub(super) fn conflict(revision: u64) -> Self {
        let text = "It was changed elsewhere meanwhile: look at it as it is now.";
        Self {
            revision: Some(revision),
            ..Self::new(Code::Conflict, text)
        }
    }

    /// As it is sent.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Nothing in it can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
