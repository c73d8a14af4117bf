use bytes::{Bytes, BytesMut};

use crate::{
    DecodeError, EncodeError, PacketType, Properties, PropertyId, ProtocolVersion, ReasonCode,
};

/// AUTH: one step of extended authentication, MQTT 5.0 only (section 3.15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Success, continue, or re-authenticate.
    pub reason: ReasonCode,
    /// Authentication method and data, reason string, user properties.
    pub properties: Properties,
}

impl Auth {
    pub(crate) fn decode(body: &Bytes, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let kind = PacketType::Auth;
        if !version.is_v5() {
            return Err(DecodeError::NotInVersion(kind));
        }
        let (reason, properties) = super::disconnect::decode_reason(kind, body)?;
        if reason != ReasonCode::Success || !properties.is_empty() {
            properties.require(PropertyId::AuthenticationMethod)?;
        }
        Ok(Self { reason, properties })
    }

    pub(crate) fn encode(
        &self,
        version: ProtocolVersion,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        if !version.is_v5() {
            return Err(EncodeError::NotInVersion(PacketType::Auth));
        }
        super::disconnect::encode_reason(PacketType::Auth, self.reason, &self.properties, out)
    }
}
