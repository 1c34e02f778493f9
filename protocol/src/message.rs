//! Requests to a process.

use minicbor::{Decode, Encode};

use crate::{
    Body, Domain, Kind, Limits, NetworkId, Principal, ProcessId, PublicKey, Signed, Timestamp, V1,
    ValueKind, check_value, codec,
};

/// A word pair that says something about a message or a process to whoever looks.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Tag {
    /// What is said of it.
    #[n(0)]
    pub name: String,
    /// What it is.
    #[n(1)]
    pub value: String,
}

impl Tag {
    /// The most bytes a name or a value may have.
    pub const TEXT_MAX: usize = 1_024;

    /// Checks the number and sizes of tags.
    pub(crate) fn check_all(tags: &[Self]) -> Result<(), &'static str> {
        if tags.len() > Limits::TAGS_MAX {
            return Err("more than 64 tags");
        }
        if tags.iter().any(|tag| tag.name.len().max(tag.value.len()) > Self::TEXT_MAX) {
            return Err("a tag's name or value is longer than 1,024 bytes");
        }
        Ok(())
    }
}

/// A signed request to a process.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Message {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A message.
    #[n(1)]
    pub kind: Kind<1>,
    /// The network it is meant for.
    #[n(2)]
    pub network: NetworkId,
    /// Who asks; the signer must be allowed to act for it.
    #[n(3)]
    pub sender: Principal,
    /// The process asked.
    #[n(4)]
    pub target: ProcessId,
    /// The method called, at most [`Self::METHOD_MAX`] bytes.
    #[n(5)]
    pub method: String,
    /// A canonical CBOR map from parameter name to value.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub args: Vec<u8>,
    /// Makes two equal requests different messages.
    #[n(7)]
    pub nonce: u64,
    /// After this instant it is refused; at most [`Self::EXPIRY_MAX`] ahead of the scheduler.
    #[n(8)]
    pub expiry: Timestamp,
    /// Words about the message.
    #[n(9)]
    pub tags: Vec<Tag>,
    /// Reserved: where else the reply shall go.
    #[n(10)]
    pub reply_to: Option<minicbor::bytes::ByteVec>,
    /// Reserved: what the sender pays.
    #[n(11)]
    pub credit: Option<u64>,
    /// Reserved: the trace this message continues.
    #[n(12)]
    pub trace_parent: Option<minicbor::bytes::ByteVec>,
    /// Another message that this one shows to its target, as the canonical bytes of a
    /// [`Signed<Message>`](Signed); the method is then not called. It proves what its signer said, and
    /// asks nothing.
    #[n(13)]
    pub evidence: Option<minicbor::bytes::ByteVec>,
}

impl Message {
    /// The longest method name in bytes.
    pub const METHOD_MAX: usize = 128;

    /// How far ahead of the scheduler's clock an expiry may be, in milliseconds.
    pub const EXPIRY_MAX: u64 = 5 * 60 * 1_000;
}

/// Whether the key may act for the principal.
pub(crate) fn acts_for(key: &PublicKey, principal: &Principal) -> bool {
    match principal {
        Principal::Account(account) => key.account() == *account,
        Principal::Anonymous | Principal::Process(_) => false,
    }
}

/// Checks a name of a method.
pub(crate) fn check_method(method: &str) -> Result<(), &'static str> {
    if method.is_empty() || method.len() > Message::METHOD_MAX {
        return Err("a method's name has 1 to 128 bytes");
    }
    Ok(())
}

/// Checks that arguments are a canonical map.
pub(crate) fn check_args(args: &[u8]) -> Result<(), &'static str> {
    match check_value(args) {
        Ok(ValueKind::Map) => Ok(()),
        Ok(ValueKind::Other) => Err("arguments are not a map from parameter name to value"),
        Err(_) => Err("arguments are not canonical CBOR"),
    }
}

impl Body for Message {
    const DOMAIN: Domain = Domain::Message;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        acts_for(key, &self.sender)
    }

    fn check(&self) -> Result<(), &'static str> {
        check_method(&self.method)?;
        Tag::check_all(&self.tags)?;
        if self.reply_to.is_some() || self.credit.is_some() || self.trace_parent.is_some() {
            return Err("a reserved field is used");
        }
        if let Some(evidence) = &self.evidence {
            check_evidence(evidence, self.network)?;
        }
        check_args(&self.args)
    }
}

/// Checks that a message is shown whose sender has signed it, and which shows none itself.
fn check_evidence(bytes: &[u8], network: NetworkId) -> Result<(), &'static str> {
    let shown: Signed<Message> =
        codec::decode(bytes).map_err(|_| "the evidence is not a signed message")?;
    if shown.unverified().evidence.is_some() {
        return Err("the evidence shows a message itself");
    }
    shown.verify(network).map(drop).map_err(|_| "the evidence is not properly signed")
}

#[cfg(test)]
mod tests;
